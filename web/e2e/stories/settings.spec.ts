/** Two people at the real binary: one makes a role in the settings, gives it, and everyone sees it. */
import { violations } from '../support/axe'
import { expect, test } from '../support/person'

test('a role made in the settings colors a name elsewhere; a ban is lifted; the log tells it all', async ({
  person,
}) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  const invitation = await ada.invitation()
  const bo = await (await person('bo')).follow(invitation, 'Harbour Radio')
  const { page } = ada
  const section = (name: string) => page.getByRole('link', { name, exact: true }).click()

  await page.getByRole('button', { name: 'Harbour Radio', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Server settings' }).click()
  await expect(page.getByRole('textbox', { name: 'Server name' })).toHaveValue('Harbour Radio')
  expect(await violations(page)).toEqual([])
  await page.getByRole('textbox', { name: 'Server name' }).fill('Harbour Radio 2')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(bo.page.getByRole('heading', { name: 'Harbour Radio 2' })).toBeVisible()

  await section('Roles')
  await page.getByRole('button', { name: 'Create a role' }).click()
  await page.getByRole('textbox', { name: 'Role name' }).fill('Engineers')
  await page.getByLabel('Color').fill('#1abc9c')
  await page.getByRole('switch', { name: 'Stands for itself' }).click()
  await page.getByRole('switch', { name: 'Manage invitations' }).click()
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/settings-roles.png` })
  expect(await violations(page)).toEqual([])
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('region', { name: 'Unsaved changes' })).toHaveCount(0)

  await section('Members')
  await page.getByRole('searchbox', { name: 'Search members' }).fill(bo.name)
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/settings-members.png` })
  expect(await violations(page)).toEqual([])
  await page.getByRole('button', { name: `Roles and actions for ${bo.name}` }).click()
  await page.getByRole('checkbox', { name: 'Engineers' }).click()
  await expect(page.getByRole('checkbox', { name: 'Engineers' })).toBeChecked()
  await expect(bo.page.getByRole('complementary', { name: 'Members' }).getByText('Engineers')).toBeVisible()
  // The right that came with it, at once.
  await expect(bo.page.getByRole('button', { name: 'Invite people' })).toBeVisible()

  await page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click()
  await page.getByRole('textbox', { name: 'Reason' }).fill('Spam')
  await page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click()
  await expect(bo.page.getByRole('heading', { name: 'Not here' })).toBeVisible()

  await section('Bans')
  await expect(page.getByText('Reason: Spam')).toBeVisible()
  await page.getByRole('button', { name: 'Lift ban' }).click()
  await expect(page.getByText('Nobody is banned')).toBeVisible()

  await section('Invitations')
  await page.getByRole('button', { name: 'Revoke' }).click()
  await expect(page.getByText('No invitation is open')).toBeVisible()

  await section('Audit log')
  await page.getByRole('combobox', { name: 'Action' }).selectOption('member_ban')
  await expect(page.getByText(`banned ${bo.name}`)).toBeVisible()
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/settings-audit.png` })
  expect(await violations(page)).toEqual([])

  await section('Overview')
  await page.getByRole('button', { name: 'Delete server' }).click()
  const confirm = page.getByRole('dialog')
  await expect(confirm.getByRole('button', { name: 'Delete server' })).toBeDisabled()
  await confirm.getByRole('textbox').fill('Harbour Radio 2')
  await confirm.getByRole('button', { name: 'Delete server' }).click()
  await expect(page.getByRole('heading', { name: 'Quiet so far' })).toBeVisible()
})
