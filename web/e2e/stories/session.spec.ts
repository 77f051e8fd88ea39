/** Signing in and out: reload, further tabs, deep links, and what survives what. */
import { expect, test } from '../support/person'

test('a deep link opened signed out is where the sign-in ends; a reload keeps both', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  await ada.say('Anchor here')
  await ada.sees('Anchor here')
  const path = new URL(ada.page.url()).pathname

  await ada.page.reload()
  await ada.sees('Anchor here')
  expect(new URL(ada.page.url()).pathname).toBe(path)

  await ada.page.getByRole('button', { name: 'Settings' }).click()
  await ada.page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(ada.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await ada.open(path)
  await ada.page.getByRole('button', { name: 'Sign in' }).click()
  await ada.signIn()
  await ada.sees('Anchor here')
  expect(new URL(ada.page.url()).pathname).toBe(path)
})

test('a second tab is signed in at once, and out together with the first', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  const second = await ada.context.newPage()
  const visited: string[] = []
  second.on('framenavigated', (frame) => visited.push(new URL(frame.url()).pathname))
  await second.goto(ada.page.url())
  await expect(second.getByRole('textbox', { name: 'Message #general' })).toBeVisible()
  expect(visited.filter((path) => path.startsWith('/oidc'))).toEqual([])

  await second.getByRole('button', { name: 'Settings' }).click()
  await second.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(ada.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
})

test('the link of the letter, opened in another tab, ends at the invitation that led to the sign-up', async ({
  person,
}) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  const invitation = await ada.invitation()

  const bo = await person('bo')
  await bo.open(invitation)
  await bo.page.getByRole('button', { name: 'Sign in to join' }).click()
  const tab = await bo.signUpByLink()
  expect(new URL(tab.url()).pathname + new URL(tab.url()).search).toBe(invitation)
  await tab.getByRole('button', { name: 'Join Harbour Radio' }).click()
  await expect(tab.getByRole('textbox', { name: 'Message #general' })).toBeVisible()

  // The tab that waited for the code is of no further use, and starts nothing wrong when it goes home.
  await bo.open('/')
  await expect(bo.page.getByRole('link', { name: /^Harbour Radio/ })).toBeVisible()
})

test('signing out leaves the choices of the device, and nothing of the account', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  await ada.say('Anchor here')
  await ada.sees('Anchor here')
  await ada.composer.fill('Half a thought')
  const html = ada.page.locator('html')
  await ada.page.getByRole('button', { name: 'Settings' }).click()
  await ada.page.getByRole('menuitemradio', { name: 'Light' }).click()
  await expect(html).toHaveAttribute('data-theme', 'light')
  await expect(ada.page.getByRole('menu')).toHaveCount(0)
  await ada.page.getByRole('button', { name: 'Settings' }).click()
  await ada.page.getByRole('menuitemradio', { name: 'Français' }).click()
  await expect(html).toHaveAttribute('lang', 'fr')
  await expect(ada.page.getByRole('menu')).toHaveCount(0)

  await ada.page.getByRole('button', { name: 'Réglages' }).click()
  await ada.page.getByRole('menuitem', { name: 'Se déconnecter' }).click()
  const door = ada.page.getByRole('button', { name: 'Se connecter' })
  // Left for the provider and back: the page after that is drawn from what stayed on the device.
  await ada.page.waitForURL((url) => url.pathname === '/')
  await expect(door).toBeVisible()
  await expect(html).toHaveAttribute('data-theme', 'light')
  expect(await ada.page.evaluate(() => Object.keys({ ...localStorage }))).toEqual(['beep:preferences'])
  const choices = await ada.page.evaluate(() => JSON.parse(localStorage.getItem('beep:preferences') ?? ''))
  expect(choices).toMatchObject({ theme: 'light', language: 'fr', lastChannel: {}, collapsed: [] })

  // Signed out at the provider too: nobody is let in without a word.
  await ada.open('/')
  await expect(door).toBeVisible()
})

test('a draft survives a reload and goes with its message', async ({ person }) => {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Harbour Radio')
  await ada.composer.fill('Half a thought')
  await ada.page.reload()
  await expect(ada.composer).toHaveValue('Half a thought')
  await ada.composer.press('Enter')
  await ada.sees('Half a thought')
  await ada.page.reload()
  await ada.sees('Half a thought')
  await expect(ada.composer).toHaveValue('')
})

test('an invitation that does not exist says so', async ({ person }) => {
  const ada = await person('ada')
  await ada.open('/invite/111111111111')
  await expect(ada.page.getByRole('heading', { name: 'This invitation has ended' })).toBeVisible()
})
