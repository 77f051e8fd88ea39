import { act, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { Problem } from '@/lib/api/problem'
import { CHANNEL, channelOf, ME, memberOf, roleOf, SERVER, serverOf, YOU } from '@/store/testing'
import { draw, type Language } from '../../../test/draw'
import { ChannelSettingsPage } from './channel-settings-page'

const words = {
  en: {
    send: 'Send messages',
    allow: 'Allow',
    deny: 'Deny',
    save: 'Save',
    add: 'Add roles or members',
    webhooks: 'Manage webhooks',
    private: 'Private',
    lacks: 'You lack this right',
    pick: 'Add',
  },
  fr: {
    send: 'Envoyer des messages',
    allow: 'Autoriser',
    deny: 'Refuser',
    save: 'Enregistrer',
    add: 'Ajouter des rôles ou des membres',
    webhooks: 'Gérer les webhooks',
    private: 'Privé',
    lacks: 'Vous n’avez pas ce droit',
    pick: 'Ajouter',
  },
}
const rights = ['view_channels', 'manage_channels', 'manage_permissions', 'send_messages']
const overwrite = { id: '70', channel_id: CHANNEL, role_id: '7', member_id: '0', allow: [], deny: ['send_messages'] }

/** Ada leads; crew, pilots and Bo are below her. The deck stands in the category of the hull. */
async function settings(
  section: string,
  api: Record<string, ReturnType<typeof vi.fn>>,
  { language = 'en', synced = false }: { language?: Language; synced?: boolean } = {},
) {
  const channels = [
    { id: '300', name: 'Hull', kind: 'category' as const },
    { id: CHANNEL, name: 'deck', parent_id: '300' },
  ]
  const calls = { overwrites: vi.fn(async () => [overwrite]), members: vi.fn(async () => []), ...api }
  const drawn = await draw(<ChannelSettingsPage channelId={CHANNEL} section={section} />, {
    channels,
    rights,
    language,
    api: calls,
  })
  const roles = [roleOf('8', { name: 'Lead' }), roleOf('7', { name: 'Crew' }), roleOf('6', { name: 'Pilot' })]
  const { server } = serverOf()
  const d = serverOf(SERVER, {
    server: { ...server, owner_id: '9' },
    roles: [...roles, roleOf(SERVER, { position: 0, rights: ['view_channels', 'send_messages'] })],
    me: memberOf(ME, { role_ids: ['8'] }),
    rights,
  })
  act(() => {
    drawn.hear({ op: 'server_added', d })
    drawn.hear({ op: 'member_updated', d: { member: memberOf(YOU) } })
    const channel = channelOf(CHANNEL, { name: 'deck', parent_id: '300', synced })
    drawn.hear({ op: 'channel_updated', d: { channel, rights } })
  })
  return { ...drawn, calls }
}

describe.each(['en', 'fr'] as const)('the rights of a channel, %s', (language) => {
  const say = words[language]
  const row = (name: string) => screen.getByRole('radiogroup', { name })

  it('are put by the keyboard, and told when they are saved', async () => {
    const setOverwrite = vi.fn(async () => overwrite)
    const { user } = await settings('permissions', { setOverwrite }, { language })
    await user.click(await screen.findByRole('button', { name: /Crew/ }))
    expect(within(row(say.send)).getByRole('radio', { name: say.deny, checked: true })).toBeDefined()
    within(row(say.send)).getByRole('radio', { name: say.allow }).focus()
    await user.keyboard(' ')
    expect(within(row(say.send)).getByRole('radio', { name: say.allow, checked: true })).toBeDefined()
    expect(setOverwrite).not.toHaveBeenCalled()
    await user.click(screen.getByRole('button', { name: say.save }))
    await waitFor(() =>
      expect(setOverwrite).toHaveBeenCalledExactlyOnceWith(CHANNEL, { role_id: '7' }, ['send_messages'], []),
    )
  })

  it('that one lacks can be given to nobody, and it is said why', async () => {
    await settings('permissions', {}, { language })
    await waitFor(() => expect(within(row(say.webhooks)).getByRole('radio', { name: say.allow })).toBeDefined())
    expect(within(row(say.webhooks)).getByRole('radio', { name: say.allow }).hasAttribute('disabled')).toBe(true)
    const about = row(say.webhooks).getAttribute('aria-describedby') ?? ''
    expect(document.getElementById(about)?.textContent).toContain(say.lacks)
  })

  it('is made for some: added, taken away and closed in one action', async () => {
    const setChannelAccess = vi.fn(async () => ({ overwrites: [] }))
    const named = { ...overwrite, allow: ['view_channels'], deny: [] }
    const overwrites = vi.fn(async () => [named])
    const { user } = await settings('access', { setChannelAccess, overwrites }, { language })
    await user.click(await screen.findByRole('button', { name: /Crew/ }))
    await user.click(screen.getByRole('switch', { name: say.private }))
    await user.click(screen.getByRole('button', { name: say.add }))
    const dialog = screen.getByRole('dialog')
    await user.type(within(dialog).getByRole('searchbox'), 'bo')
    await user.click(within(dialog).getByRole('checkbox', { name: /Bo/ }))
    await user.click(within(dialog).getByRole('button', { name: say.pick }))
    await user.click(screen.getByRole('button', { name: say.save }))
    await waitFor(() =>
      expect(setChannelAccess).toHaveBeenCalledExactlyOnceWith(CHANNEL, {
        private: true,
        add_role_ids: [],
        add_member_ids: [YOU],
        remove_role_ids: ['7'],
        remove_member_ids: [],
      }),
    )
  })
})

describe('the rights of a channel', () => {
  it('say what comes of them', async () => {
    const { user } = await settings('permissions', {})
    await user.click(await screen.findByRole('button', { name: /Crew/ }))
    const about = (name: string) =>
      document.getElementById(screen.getByRole('radiogroup', { name }).getAttribute('aria-describedby') ?? '')
    expect(about('Send messages')?.textContent).toContain('Denied here')
    expect(about('View channel')?.textContent).toContain('Allowed by Everyone')
  })

  it('that say nothing any more are cleared', async () => {
    const clearOverwrite = vi.fn(async () => undefined)
    const { user } = await settings('permissions', { clearOverwrite })
    await user.click(await screen.findByRole('button', { name: /Crew/ }))
    await user.click(
      within(screen.getByRole('radiogroup', { name: 'Send messages' })).getByRole('radio', { name: 'Inherit' }),
    )
    await user.click(screen.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(clearOverwrite).toHaveBeenCalledExactlyOnceWith(CHANNEL, '70'))
  })

  it('that are refused stay as they were put, and it is said why', async () => {
    const setOverwrite = vi.fn(() => Promise.reject(new Problem('forbidden', 403, 'you need manage_permissions')))
    const { user } = await settings('permissions', { setOverwrite })
    await user.click(await screen.findByRole('button', { name: /Crew/ }))
    const send = screen.getByRole('radiogroup', { name: 'Send messages' })
    await user.click(within(send).getByRole('radio', { name: 'Allow' }))
    await user.click(screen.getByRole('button', { name: 'Save' }))
    expect((await screen.findByRole('alert')).textContent).toBe('You need manage_permissions.')
    expect(within(send).getByRole('radio', { name: 'Allow', checked: true })).toBeDefined()
  })

  it('are the category’s while it follows, until it does so no more', async () => {
    const updateChannel = vi.fn(async () => channelOf())
    const { user } = await settings('permissions', { updateChannel }, { synced: true })
    const send = await screen.findByRole('radiogroup', { name: 'Send messages' })
    expect(within(send).getByRole('radio', { name: 'Allow' }).hasAttribute('disabled')).toBe(true)
    await user.click(screen.getByRole('switch', { name: 'Follows the category', checked: true }))
    expect(updateChannel).toHaveBeenCalledExactlyOnceWith(CHANNEL, { synced: false })
  })

  it('are given up for the category’s after a question', async () => {
    const updateChannel = vi.fn(async () => channelOf())
    const { user } = await settings('permissions', { updateChannel })
    await user.click(await screen.findByRole('switch', { name: 'Follows the category', checked: false }))
    expect(updateChannel).not.toHaveBeenCalled()
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Follow' }))
    expect(updateChannel).toHaveBeenCalledExactlyOnceWith(CHANNEL, { synced: true })
  })
})

describe('the overview of a channel', () => {
  it('tells what was changed, and no more', async () => {
    const updateChannel = vi.fn(async () => channelOf())
    const { user } = await settings('overview', { updateChannel })
    await user.selectOptions(await screen.findByRole('combobox', { name: 'Category' }), 'No category')
    await user.click(screen.getByRole('button', { name: 'Save' }))
    expect(updateChannel).toHaveBeenCalledExactlyOnceWith(CHANNEL, { parent_id: '0' })
  })
})
