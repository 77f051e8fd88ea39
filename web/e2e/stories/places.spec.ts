/** Servers and channels: made, read, left, on a wide screen and on a phone, in English and in French. */
import { expect, test } from '../support/person'

test('a new channel appears for everyone; what is unread there shows until it is read', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  const bo = await (await person('bo')).follow(await ada.invitation(), 'Harbour Radio')

  await ada.page.getByRole('button', { name: 'Harbour Radio', exact: true }).click()
  await ada.page.getByRole('menuitem', { name: 'Create a channel' }).click()
  await ada.page.getByRole('textbox', { name: 'Channel name' }).fill('engineering')
  await ada.page.getByRole('textbox', { name: 'Topic' }).fill('What broke')
  await ada.page.getByRole('button', { name: 'Create channel' }).click()
  await expect(ada.page.getByRole('heading', { name: 'engineering', level: 1 })).toBeVisible()

  const link = bo.page.getByRole('link', { name: /^engineering/ })
  await expect(link).toBeVisible()
  await ada.say('Who has the ladder key?')
  await expect(link).toHaveAccessibleName(/unread/)
  await link.click()
  await bo.sees('Who has the ladder key?')
  await expect(bo.page.getByText('What broke')).toBeVisible()
  await bo.page.getByRole('link', { name: 'general' }).click()
  await expect(link).not.toHaveAccessibleName(/unread/)
})

test('a link to a message leads to it', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  await ada.say('The one that matters')
  await ada.sees('The one that matters')
  await ada.act('The one that matters', 'More')
  await ada.page.getByRole('menuitem', { name: 'Copy link' }).click()
  // The browser takes its time to write what it is given.
  await expect(ada.page.getByText('Copied')).toBeVisible()
  const link = await ada.page.evaluate(() => navigator.clipboard.readText())
  await ada.page.goto(link)
  await expect(ada.said('The one that matters')).toHaveAttribute('data-target', 'true')
})

test('whoever leaves a server sees it no more, and comes back by an invitation', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  const invitation = await ada.invitation()
  const bo = await (await person('bo')).follow(invitation, 'Harbour Radio')
  await expect(ada.page.getByRole('listitem').filter({ hasText: bo.name })).toBeVisible()

  await bo.page.getByRole('button', { name: 'Harbour Radio', exact: true }).click()
  await bo.page.getByRole('menuitem', { name: 'Leave server' }).click()
  await bo.page.getByRole('dialog').getByRole('button', { name: 'Leave server' }).click()
  await expect(bo.page.getByRole('heading', { name: 'Quiet so far' })).toBeVisible()
  await expect(ada.page.getByRole('listitem').filter({ hasText: bo.name })).toHaveCount(0)

  await bo.open(invitation)
  await bo.page.getByRole('button', { name: 'Join Harbour Radio' }).click()
  await expect(bo.composer).toBeVisible()
})

test('on a phone, in French', async ({ person }) => {
  const zoe = await person('zoe', {
    viewport: { width: 390, height: 844 },
    locale: 'fr-FR',
    hasTouch: true,
    colorScheme: 'light',
  })
  const { page } = zoe
  await zoe.open('/')
  await page.getByRole('button', { name: 'Se connecter' }).click()
  await zoe.signUp()
  await page.getByRole('main').getByRole('button', { name: 'Créer un serveur' }).click()
  await page.getByRole('textbox', { name: 'Nom du serveur' }).fill('Phare')
  await page.getByRole('button', { name: 'Créer le serveur' }).click()
  const composer = page.getByRole('textbox', { name: 'Écrire dans #general' })
  await composer.fill('Bonjour')
  await page.getByRole('button', { name: 'Envoyer' }).tap()
  await zoe.sees('Bonjour')

  // The drawer holds servers, channels and settings; the language changes without a reload.
  await page.getByRole('button', { name: 'Salons' }).tap()
  await page.getByRole('button', { name: 'Réglages' }).tap()
  await page.getByRole('menuitemradio', { name: 'English' }).tap()
  await expect(page.locator('html')).toHaveAttribute('lang', 'en')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('textbox', { name: 'Message #general' })).toBeVisible()
  await page.getByRole('button', { name: 'Members' }).tap()
  await expect(page.getByRole('complementary', { name: 'Members' }).getByText(zoe.name)).toBeVisible()
})
