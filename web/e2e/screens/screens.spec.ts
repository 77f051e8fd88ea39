/** Every screen in both themes and at both widths: nothing for axe to find, nothing wider than the window. */
import { expect } from '@playwright/test'
import { COLORS, violations } from '../support/axe'
import { type Screen, type Setting, test, themes, type Width, widths } from '../support/screen'
import { CHANNEL, channels, NOW, people, run, SERVER, server } from '../support/world'

interface Shot {
  name: string
  path: string
  setting?: Setting
  /** Brings the screen into the state; answers nothing, but waits until it is there. */
  arrange(screen: Screen, width: Width): Promise<void>
}

const channel = `/channels/${SERVER}/${CHANNEL}`
const settings = (section: string) => `/servers/${SERVER}/settings/${section}`
const channelSettings = (section: string) => `/servers/${SERVER}/channels/${CHANNEL}/settings/${section}`
const here =
  (text: string) =>
  async ({ page }: Screen) =>
    expect(page.getByText(text).first()).toBeVisible()
const composer = ({ page }: Screen) => page.getByRole('textbox', { name: 'Message #engineering' })
const openDrawer = async ({ page }: Screen, width: Width) => {
  if (width < 700) await page.getByRole('button', { name: 'Channels' }).click()
}
const openMenu = async (screen: Screen, width: Width, item: string) => {
  await openDrawer(screen, width)
  await screen.page.getByRole('button', { name: 'Harbour Radio', exact: true }).click()
  await screen.page.getByRole('menuitem', { name: item }).click()
}

const shots: Shot[] = [
  { name: 'channel', path: channel, arrange: here('Ten minutes.') },
  { name: 'channel-french', path: channel, setting: { language: 'fr-FR' }, arrange: here('Aujourd’hui') },
  {
    name: 'typing',
    path: channel,
    arrange: async (screen) => {
      await expect(composer(screen)).toBeVisible()
      for (const who of [people.tomas, people.mei])
        screen.server.tell('typing', { channel_id: CHANNEL, user_id: who.id })
      await expect(screen.page.getByText('are typing')).toBeVisible()
    },
  },
  {
    name: 'failed',
    path: channel,
    setting: { onSend: 'fail' },
    arrange: async (screen) => {
      await composer(screen).fill('And the head torch, if it is where I left it.')
      await composer(screen).press('Enter')
      await expect(screen.page.getByText('Not sent, you may not do this here.')).toBeVisible()
    },
  },
  {
    name: 'reconnecting',
    path: channel,
    arrange: async (screen) => {
      await expect(composer(screen)).toBeVisible()
      await screen.server.cut()
      await expect(screen.page.getByText('Connecting again.')).toBeVisible()
    },
  },
  {
    name: 'editing',
    path: channel,
    arrange: async (screen) => {
      await composer(screen).press('ArrowUp')
      await expect(screen.page.getByRole('textbox', { name: 'Edit message' })).toBeFocused()
    },
  },
  {
    name: 'message-menu',
    path: channel,
    arrange: async ({ page }) => {
      const row = page.getByRole('listitem').filter({ hasText: 'Ten minutes.' })
      await row.hover()
      await row.getByRole('button', { name: 'More' }).click()
      await expect(page.getByRole('menuitem', { name: 'Copy link' })).toBeVisible()
    },
  },
  {
    name: 'delete-message',
    path: channel,
    arrange: async ({ page }) => {
      const row = page.getByRole('listitem').filter({ hasText: 'Ten minutes.' })
      await row.hover()
      await row.getByRole('button', { name: 'Delete' }).click()
      await expect(page.getByRole('dialog')).toBeVisible()
    },
  },
  {
    name: 'new-line',
    path: channel,
    arrange: async ({ page, server: scripted }, width) => {
      await expect(page.getByText('Ten minutes.')).toBeVisible()
      await openDrawer({ page, server: scripted }, width)
      await page.getByRole('link', { name: 'welcome' }).click()
      await expect(page.getByText('Quiet so far')).toBeVisible()
      scripted.say({ who: 'mei', at: new Date(NOW + 60_000).toISOString(), text: 'The mast is up again.' })
      await openDrawer({ page, server: scripted }, width)
      await page.getByRole('link', { name: 'engineering' }).click()
      await expect(page.getByText('New', { exact: true })).toBeVisible()
    },
  },
  { name: 'empty-channel', path: `/channels/${SERVER}/1581000000000000010`, arrange: here('Quiet so far') },
  {
    name: 'read-only',
    path: channel,
    setting: { channels: channels.map((added) => ({ ...added, rights: ['view_channels'] })) },
    arrange: here('You can read here, but not write.'),
  },
  { name: 'no-channel', path: `/channels/${SERVER}`, setting: { channels: [] }, arrange: here('No channel here yet') },
  { name: 'home', path: '/', arrange: here('Choose a server') },
  { name: 'home-empty', path: '/', setting: { servers: [], channels: [] }, arrange: here('Quiet so far') },
  {
    name: 'create-server',
    path: '/',
    arrange: async ({ page }) => {
      await page.getByRole('main').getByRole('button', { name: 'Create a server' }).click()
      await expect(page.getByRole('dialog')).toBeVisible()
    },
  },
  {
    name: 'use-invitation',
    path: '/',
    arrange: async ({ page }) => {
      await page.getByRole('button', { name: 'Use an invitation' }).click()
      await page.getByRole('textbox').fill('not a link')
      await page.getByRole('button', { name: 'Continue' }).click()
      await expect(page.getByText('This is no invitation link.')).toBeVisible()
    },
  },
  {
    name: 'server-menu',
    path: channel,
    arrange: async (screen, width) => {
      await openDrawer(screen, width)
      await screen.page.getByRole('button', { name: 'Harbour Radio', exact: true }).click()
      await expect(screen.page.getByRole('menuitem', { name: 'Leave server' })).toBeVisible()
    },
  },
  {
    name: 'create-channel',
    path: channel,
    arrange: async (screen, width) => {
      await openMenu(screen, width, 'Create a channel')
      await expect(screen.page.getByRole('textbox', { name: 'Channel name' })).toBeVisible()
    },
  },
  {
    name: 'invite',
    path: channel,
    arrange: async (screen, width) => {
      await openMenu(screen, width, 'Invite people')
      await screen.page.getByRole('button', { name: 'Create link' }).click()
      await expect(screen.page.getByRole('textbox', { name: 'Invitation link' })).toHaveValue(/\/invite\/tide4Harbour$/)
    },
  },
  {
    name: 'leave-server',
    path: channel,
    arrange: async (screen, width) => {
      await openMenu(screen, width, 'Leave server')
      await expect(screen.page.getByRole('dialog', { name: 'Leave Harbour Radio' })).toBeVisible()
    },
  },
  {
    name: 'settings',
    path: channel,
    arrange: async (screen, width) => {
      await openDrawer(screen, width)
      await screen.page.getByRole('button', { name: 'Settings' }).click()
      await expect(screen.page.getByRole('menuitemradio', { name: 'Français' })).toBeVisible()
    },
  },
  {
    name: 'members',
    path: channel,
    arrange: async ({ page }, width) => {
      if (width < 700) await page.getByRole('button', { name: 'Members' }).click()
      await expect(page.getByText('Lena Vogt')).toBeVisible()
    },
  },
  {
    name: 'channel-menu',
    path: channel,
    setting: run,
    arrange: async (screen, width) => {
      await openDrawer(screen, width)
      await screen.page.getByRole('link', { name: 'schedule' }).click({ button: 'right' })
      await expect(screen.page.getByRole('menuitem', { name: 'Move down' })).toBeVisible()
    },
  },
  {
    name: 'create-private-channel',
    path: channel,
    setting: run,
    arrange: async (screen, width) => {
      await openDrawer(screen, width)
      await screen.page.getByRole('button', { name: 'Studio' }).click({ button: 'right' })
      await screen.page.getByRole('menuitem', { name: 'Create a channel' }).click()
      await screen.page.getByRole('switch', { name: 'Private' }).click()
    },
  },
  { name: 'server-settings', path: settings('overview'), setting: run, arrange: here('Delete server') },
  {
    name: 'settings-roles',
    path: settings('roles'),
    setting: run,
    arrange: async ({ page }) => {
      await page.getByRole('button', { name: 'Engineers', exact: true }).click()
      await page.getByRole('switch', { name: 'Manage webhooks' }).click()
      await expect(page.getByRole('region', { name: 'Unsaved changes' })).toBeVisible()
    },
  },
  { name: 'settings-members', path: settings('members'), setting: run, arrange: here('Lena Vogt') },
  { name: 'settings-bans', path: settings('bans'), setting: run, arrange: here('Sold tickets') },
  { name: 'settings-invitations', path: settings('invitations'), setting: run, arrange: here('tide4Harbour') },
  { name: 'settings-audit', path: settings('audit'), setting: run, arrange: here('Too loud') },
  {
    name: 'settings-audit-french',
    path: settings('audit'),
    setting: { ...run, language: 'fr-FR' },
    arrange: here('Too loud'),
  },
  {
    name: 'settings-nothing',
    path: settings('overview'),
    setting: { servers: [server(SERVER, 'Harbour Radio', ['view_channels'])] },
    arrange: here('Nothing here that you may change.'),
  },
  { name: 'channel-settings', path: channelSettings('overview'), setting: run, arrange: here('Delete channel') },
  { name: 'channel-access', path: channelSettings('access'), setting: run, arrange: here('Let in by name') },
  {
    name: 'channel-picker',
    path: channelSettings('access'),
    setting: run,
    arrange: async ({ page }) => {
      await page.getByRole('button', { name: 'Add roles or members' }).click()
      await page.getByRole('searchbox').fill('e')
      await expect(page.getByRole('checkbox', { name: 'Mei Tanaka' })).toBeVisible()
    },
  },
  {
    name: 'channel-permissions',
    path: channelSettings('permissions'),
    setting: run,
    arrange: async ({ page }) => {
      await page.getByRole('button', { name: /Engineers/ }).click()
      await page.getByRole('radiogroup', { name: 'Attach files' }).getByRole('radio', { name: 'Deny' }).click()
      await expect(page.getByRole('region', { name: 'Unsaved changes' })).toBeVisible()
    },
  },
  {
    name: 'channel-permissions-french',
    path: channelSettings('permissions'),
    setting: { ...run, language: 'fr-FR' },
    arrange: here('Refuser'),
  },
  {
    name: 'channel-permissions-followed',
    path: channelSettings('permissions'),
    setting: {
      ...run,
      channels: run.channels.map((added) => ({ ...added, channel: { ...added.channel, synced: true } })),
    },
    arrange: here('Its rights are those of Studio'),
  },
  { name: 'invitation', path: '/invite/tide4Harbour', arrange: here('Join Tide Watchers') },
  {
    name: 'invitation-signed-out',
    path: '/invite/tide4Harbour',
    setting: { signedOut: true },
    arrange: here('Sign in to join'),
  },
  {
    name: 'invitation-ended',
    path: '/invite/gone',
    setting: { signedOut: true },
    arrange: here('This invitation has ended'),
  },
  { name: 'sign-in', path: '/', setting: { signedOut: true }, arrange: here('to 127.0.0.1') },
  {
    name: 'sign-in-refused',
    path: '/?auth_error=access_denied',
    setting: { signedOut: true },
    arrange: here('The sign-in was cancelled.'),
  },
  { name: 'not-found', path: '/nowhere', arrange: here('There is nothing at this address') },
]

for (const width of widths) {
  for (const { name, path, setting, arrange } of shots) {
    test(`${name}, ${width} px`, async ({ open }) => {
      const screen = await open(path, width, setting)
      const { page } = screen
      await arrange(screen, width)
      for (const theme of themes) {
        // The client follows the system: the same screen in the other theme, without doing it all again.
        await page.emulateMedia({ colorScheme: theme })
        await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
        // SHOTS names a folder for pictures of every screen.
        if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}-${theme}-${width}.png` })
        expect(await violations(page, theme === 'dark' ? undefined : COLORS), theme).toEqual([])
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    })
  }
}
