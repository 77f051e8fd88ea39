/** Two people at the real binary: one makes channels, says whom they are for and who may write, the other sees it. */
import { violations } from '../support/axe'
import { expect, test } from '../support/person'

test('a private channel opens to whom it is for; a right denied there closes the composer; both go', async ({
  person,
}) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  const bo = await (await person('bo')).follow(await ada.invitation(), 'Harbour Radio')
  const { page } = ada
  const link = bo.page.getByRole('link', { name: /^board/ })

  // A category, and in it a channel that nobody else sees at first.
  await page.getByRole('button', { name: 'Harbour Radio', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Create a category' }).click()
  await page.getByRole('textbox', { name: 'Category name' }).fill('Studio')
  await page.getByRole('button', { name: 'Create category' }).click()
  const category = page.getByRole('button', { name: 'Studio' })
  await category.click({ button: 'right' })
  expect(await violations(page)).toEqual([])
  await page.getByRole('menuitem', { name: 'Create a channel' }).click()
  await page.getByRole('textbox', { name: 'Channel name' }).fill('board')
  await page.getByRole('switch', { name: 'Private' }).click()
  await page.getByRole('button', { name: 'Create channel' }).click()
  await expect(page.getByRole('heading', { name: 'Who it is for' })).toBeVisible()
  await expect(bo.page.getByRole('button', { name: 'Studio' })).toBeVisible()
  await expect(link).toHaveCount(0)

  await page.getByRole('button', { name: 'Add roles or members' }).click()
  await page.getByRole('searchbox', { name: 'Search roles and members' }).fill(bo.name)
  await page.getByRole('checkbox', { name: bo.name }).click()
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  expect(await violations(page)).toEqual([])
  await page.getByRole('button', { name: 'Save' }).click()
  await link.click()
  await bo.say('A quiet place')
  await bo.sees('A quiet place')

  // Who may write, by the keyboard.
  await page.getByRole('link', { name: 'Rights', exact: true }).click()
  await page.getByRole('button', { name: new RegExp(bo.name) }).click()
  const send = page.getByRole('radiogroup', { name: 'Send messages' })
  await send.getByRole('radio', { name: 'Inherit' }).focus()
  // As long as a finger takes: the choice follows the focus while the key is down.
  await page.keyboard.press('ArrowLeft', { delay: 60 })
  await expect(send.getByRole('radio', { name: 'Deny' })).toBeChecked()
  await expect(page.getByText('Denied here')).toBeVisible()
  expect(await violations(page)).toEqual([])
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(bo.page.getByText('You can read here, but not write.')).toBeVisible()

  // To follow the category is to lose what the channel had of its own.
  await page.getByRole('switch', { name: 'Follows the category' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Follow' }).click()
  await expect(bo.page.getByRole('textbox', { name: 'Message #board' })).toBeVisible()
  await expect(send.getByRole('radio', { name: 'Deny' })).toBeDisabled()

  // Another name, another place, and the end.
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByRole('textbox', { name: 'Channel name' }).fill('bridge')
  await page.getByRole('combobox', { name: 'Category' }).selectOption({ label: 'No category' })
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(bo.page.getByRole('heading', { name: 'bridge', level: 1 })).toBeVisible()
  await page.getByRole('button', { name: 'Move up' }).click()
  await expect(bo.page.getByRole('navigation', { name: 'Channels' }).getByRole('link').first()).toHaveText('bridge')
  await page.getByRole('button', { name: 'Delete channel' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete channel' }).click()
  await expect(page.getByRole('heading', { name: 'general', level: 1 })).toBeVisible()
  await expect(bo.page.getByRole('link', { name: /^bridge/ })).toHaveCount(0)
})
