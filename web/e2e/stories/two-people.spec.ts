/** What a newcomer does: two people from sign-up to a conversation that survives a power cut. */
import { violations } from '../support/axe'
import { expect, test } from '../support/person'

test('two people meet by an invitation and talk', async ({ person }) => {
  const ada = await (await person('ines.moreau')).arrive()
  await ada.createServer('Harbour Radio')
  const invitation = await ada.invitation()
  const bo = await (await person('tomas.reyes')).follow(invitation, 'Harbour Radio')

  // Each other's messages, at once.
  await ada.say('North mast was down for eleven minutes. The top connector is full of **water**.')
  await bo.sees('North mast was down for eleven minutes.')
  await bo.say('I can climb Thursday before noon if someone spots me.')
  await ada.sees('I can climb Thursday')

  // Presence, both ways.
  await expect(ada.page.getByRole('listitem').filter({ hasText: bo.name }).filter({ hasText: 'Online' })).toBeVisible()
  await expect(bo.page.getByRole('listitem').filter({ hasText: ada.name }).filter({ hasText: 'Online' })).toBeVisible()

  // Typing, until the message comes.
  await ada.composer.pressSequentially('Wind under')
  await expect(bo.page.getByText(`${ada.name} is typing`)).toBeVisible()
  await ada.composer.fill('')
  await ada.say('Wind is under 15 km/h then.')
  await bo.sees('Wind is under 15 km/h then.')
  await expect(bo.page.getByText('is typing')).toHaveCount(0)

  // An edit with the keyboard, in place.
  await ada.composer.press('ArrowUp')
  const editor = ada.page.getByRole('textbox', { name: 'Edit message' })
  await editor.fill('Wind is under 10 km/h then.')
  await editor.press('Enter')
  await bo.sees('Wind is under 10 km/h then.')
  await expect(bo.said('Wind is under 10 km/h then.')).toContainText('(edited)')
  await expect(ada.composer).toBeFocused()

  // A deletion leaves the place.
  await bo.say('Never mind this one.')
  await ada.sees('Never mind this one.')
  await bo.act('Never mind this one.', 'Delete')
  await bo.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(ada.said('Never mind this one.')).toHaveCount(0)
  await expect(ada.log.getByText('Message deleted')).toBeVisible()

  await bo.say('Encoder restarts cleanly now. If it sticks again:\n```\nsystemctl restart encoder\n```')
  await ada.sees('systemctl restart encoder')
  await ada.say('On my way with the key. Ten minutes.')
  await bo.sees('On my way with the key.')
  await bo.composer.pressSequentially('Good, bring')
  await expect(ada.page.getByText(`${bo.name} is typing`)).toBeVisible()
  // SCREENSHOT names the file for the README's picture.
  await ada.page.mouse.move(700, 20)
  if (process.env.SCREENSHOT) await ada.page.screenshot({ path: process.env.SCREENSHOT })
  expect(await violations(ada.page)).toEqual([])
})

test('after a power cut both catch up, and what was written meanwhile arrives once', async ({ beep, person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Lighthouse')
  const bo = await (await person('bo')).follow(await ada.invitation(), 'Lighthouse')
  await ada.say('Before the storm')
  await bo.sees('Before the storm')

  await beep.kill()
  await expect(ada.page.getByText('Connecting again.')).toBeVisible()
  await ada.say('Written in the dark')
  await expect(ada.log.getByText('Written in the dark')).toBeVisible()
  await bo.say('Me too')
  await beep.run()

  for (const one of [ada, bo]) {
    await expect(one.page.getByText('Connecting again.')).toHaveCount(0, { timeout: 45_000 })
    await one.sees('Before the storm')
    await one.sees('Written in the dark')
    await one.sees('Me too')
    await expect(one.log.getByText('Not sent')).toHaveCount(0)
  }
  await bo.say('All here')
  await ada.sees('All here')
  await expect(ada.log.locator('[data-id]')).toHaveCount(4)
})
