/** Two people at the real binary: one runs the server, the other is given a role, muted and thrown out. */
import { violations } from '../support/axe'
import { expect, test } from '../support/person'

test('a nickname, a mute with its end, and a kick reach the other at once', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  const bo = await (await person('bo')).follow(await ada.invitation(), 'Harbour Radio')
  await bo.say('Is anybody here?')
  await ada.sees('Is anybody here?')

  // From the author's name, by the keyboard.
  const author = ada.said('Is anybody here?').getByRole('button', { name: bo.name })
  await author.press('Enter')
  const card = ada.page.getByRole('dialog', { name: `Profile of ${bo.name}` })
  await expect(card).toBeVisible()
  expect(await violations(ada.page)).toEqual([])
  await card.getByRole('button', { name: 'Change nickname' }).click()
  await ada.page.getByRole('textbox', { name: 'Nickname' }).fill('Sails')
  await ada.page.getByRole('button', { name: 'Save' }).click()
  await expect(bo.said('Is anybody here?').getByRole('button', { name: 'Sails' })).toBeVisible()

  // From the member list, by the context menu.
  const row = ada.page.getByRole('complementary', { name: 'Members' }).getByRole('button', { name: /^Sails/ })
  await row.click({ button: 'right' })
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Mute' }).click()
  await ada.page.getByRole('radio', { name: '5 minutes' }).click()
  await ada.page.getByRole('textbox', { name: 'Reason' }).fill('Too loud')
  expect(await violations(ada.page)).toEqual([])
  await ada.page.getByRole('button', { name: 'Mute' }).click()
  await expect(bo.page.getByText(/^You are muted on this server until/)).toBeVisible()
  await expect(bo.composer).toHaveCount(0)
  await expect(row).toHaveAccessibleName(/muted/)

  await row.click()
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Unmute' }).click()
  await expect(bo.composer).toBeVisible()

  // Who may do nothing is offered nothing.
  await bo.page.getByRole('complementary', { name: 'Members' }).getByRole('button', { name: ada.name }).click()
  const hers = bo.page.getByRole('dialog', { name: `Profile of ${ada.name}` })
  await expect(hers.getByText('Owner')).toBeVisible()
  await expect(hers.getByRole('button')).toHaveCount(0)
  await bo.page.keyboard.press('Escape')

  await row.click()
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Kick' }).click()
  await ada.page.getByRole('textbox', { name: 'Reason' }).press('Enter')
  await expect(bo.page.getByRole('heading', { name: 'Not here' })).toBeVisible()
  await expect(row).toHaveCount(0)

  // Who is gone is banned from what they left, and it goes with them.
  await ada.said('Is anybody here?').getByRole('button', { name: bo.name }).click()
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click()
  await ada.page.getByRole('radio', { name: 'Last hour' }).click()
  expect(await violations(ada.page)).toEqual([])
  if (process.env.SHOTS) await ada.page.screenshot({ path: `${process.env.SHOTS}/ban.png` })
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click()
  await expect(ada.page.getByText('Is anybody here?')).toHaveCount(0)
})
