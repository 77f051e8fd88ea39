import { act, screen, within } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { CHANNEL, create, messageOf, SERVER } from '@/store/testing'
import { type Drawing, draw } from '../../../test/draw'
import { Sidebar } from './sidebar'

const words = {
  en: {
    channels: 'Channels',
    unread: 'deck unread',
    invite: 'Invite people',
    leave: 'Leave server',
    copy: 'Copy server id',
  },
  fr: {
    channels: 'Salons',
    unread: 'deck non lu',
    invite: 'Inviter des personnes',
    leave: 'Quitter le serveur',
    copy: 'Copier l’id du serveur',
  },
}
const channels = [
  { id: CHANNEL, name: 'deck' },
  { id: '300', name: 'Engine room', kind: 'category' as const },
  { id: '301', name: 'oil', parent_id: '300' },
  { id: '302', name: 'valves', parent_id: '300' },
]
const side = (channelId: string | null, drawing: Drawing = {}) =>
  draw(<Sidebar serverId={SERVER} channelId={channelId} footer={null} />, { channels, ...drawing })
const names = () => screen.getAllByRole('link').map((link) => link.textContent)

describe.each(['en', 'fr'] as const)('the channel list, %s', (language) => {
  const say = words[language]

  it('names the channels in their order, and marks the one on the screen', async () => {
    await side('301', { language })
    const list = screen.getByRole('navigation', { name: say.channels })
    expect(within(list).getAllByRole('link')).toHaveLength(3)
    expect(names()).toEqual(['deck', 'oil', 'valves'])
    expect(screen.getByRole('link', { current: 'page' }).textContent).toBe('oil')
  })

  it('says which one has something new, but not of the one that is being read', async () => {
    const { hear, engine } = await side('301', { language, messages: [messageOf(1)] })
    expect(screen.queryByRole('link', { name: say.unread })).toBeNull()
    act(() => hear({ op: 'entries', d: { channel_id: CHANNEL, entries: [create(2, messageOf(2))] } }))
    expect(screen.getByRole('link', { name: say.unread })).toBeDefined()
    act(() => engine.markRead(CHANNEL))
    expect(screen.queryByRole('link', { name: say.unread })).toBeNull()
  })

  it('offers what one may do', async () => {
    const { user, services } = await side(CHANNEL, { language, rights: ['view_channels', 'manage_invitations'] })
    screen.getByRole('button', { name: 'server 100' }).focus()
    await user.keyboard('{Enter}')
    const items = within(await screen.findByRole('menu')).getAllByRole('menuitem')
    expect(items.map((item) => item.textContent)).toEqual([say.invite, say.copy, say.leave])
    await user.keyboard('{ArrowDown}{ArrowDown}{Enter}')
    expect(services.stage.getState().dialog).toEqual({ kind: 'leave-server', serverId: SERVER })
  })
})

describe('a category', () => {
  it('is closed and opened by the keyboard, and stays so on this device', async () => {
    const { user, services } = await side(CHANNEL)
    const category = screen.getByRole('button', { name: 'Engine room', expanded: true })
    category.focus()
    await user.keyboard(' ')
    expect(category.getAttribute('aria-expanded')).toBe('false')
    expect(names()).toEqual(['deck'])
    expect(services.preferences.getState().collapsed).toEqual(['300'])
    await user.keyboard('{Enter}')
    expect(names()).toEqual(['deck', 'oil', 'valves'])
    expect(services.preferences.getState().collapsed).toEqual([])
  })

  it('that is closed still shows the channel one is in', async () => {
    const { user } = await side('302')
    await user.click(screen.getByRole('button', { name: 'Engine room' }))
    expect(names()).toEqual(['deck', 'valves'])
  })

  it('is walked by Tab in the order in which it stands', async () => {
    const { user } = await side(CHANNEL, { rights: ['view_channels'] })
    const walked: (string | null)[] = []
    for (let i = 0; i < 5; i++) {
      await user.tab()
      walked.push(document.activeElement?.textContent ?? null)
    }
    expect(walked).toEqual(['server 100', 'deck', 'Engine room', 'oil', 'valves'])
  })
})

describe('the menu of a channel', () => {
  const open = async (rights: string[], api = {}) => {
    const drawn = await side(CHANNEL, { rights, api })
    await drawn.user.pointer({ keys: '[MouseRight]', target: screen.getByRole('link', { name: 'oil' }) })
    return { ...drawn, menu: await screen.findByRole('menu', { name: 'oil' }) }
  }
  const items = (menu: HTMLElement) => within(menu).getAllByRole('menuitem')

  it('offers nothing but its id to who may change nothing', async () => {
    const { menu } = await open(['view_channels'])
    expect(items(menu).map((item) => item.textContent)).toEqual(['Copy channel id'])
  })

  it('moves it among its own, and ends where they end', async () => {
    const reorderChannels = vi.fn(async () => undefined)
    const { menu, user } = await open(['view_channels', 'manage_channels'], { reorderChannels })
    const item = (name: string) => within(menu).getByRole('menuitem', { name })
    expect(item('Move up').hasAttribute('data-disabled')).toBe(true)
    await user.click(item('Move down'))
    expect(reorderChannels).toHaveBeenCalledExactlyOnceWith(SERVER, [CHANNEL, '300', '302', '301'])
  })

  it('asks before it deletes', async () => {
    const { menu, user, services } = await open(['view_channels', 'manage_channels'])
    await user.click(within(menu).getByRole('menuitem', { name: 'Delete channel' }))
    expect(services.stage.getState().dialog).toEqual({ kind: 'delete-channel', channelId: '301' })
  })
})
