/** From a name to a deed: the card of a person, and the dialogs that it leads to. */
import { act, screen, within } from '@testing-library/react'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { Author } from '@/features/chat/author'
import { Problem } from '@/lib/api/problem'
import { ME, memberOf, roleOf, SERVER, serverOf, YOU } from '@/store/testing'
import { draw } from '../../test/draw'
import { Dialogs } from './dialogs'

const words = {
  en: {
    kick: 'Kick',
    reason: 'Reason',
    said: 'Bo was kicked',
    mute: 'Mute',
    hour: '1 hour',
    day: '1 day',
    roles: 'Roles',
  },
  fr: {
    kick: 'Expulser',
    reason: 'Raison',
    said: 'Bo a été expulsé',
    mute: 'Rendre muet',
    hour: '1 heure',
    day: '1 jour',
    roles: 'Rôles',
  },
}
// Loaded before the clock of a test runs: on a busy machine that takes longer than what is tested.
beforeAll(async () => {
  await import('@/features/members/person-card')
  await import('@/features/members/member-dialogs')
}, 120_000)

const crew = roleOf('7', { name: 'Crew', color: 0x1abc9c })
const lead = roleOf('8', { name: 'Lead', rights: ['manage_members', 'manage_nicknames'] })
const moderator = ['view_channels', 'manage_members', 'manage_nicknames', 'change_nickname']

/** Ada leads, Bo is crew; someone else owns the server. */
async function withCard(about = YOU, { rights = moderator, language = 'en' as 'en' | 'fr', api = {} } = {}) {
  const drawn = await draw(
    <>
      <Author serverId={SERVER} userId={about}>
        now
      </Author>
      <Dialogs />
    </>,
    { rights, language, api },
  )
  const { server } = serverOf()
  const roles = [lead, crew, roleOf('6', { name: 'Pilot' }), roleOf(SERVER, { position: 0 })]
  const me = memberOf(ME, { role_ids: ['8'] })
  act(() => {
    const owned = { ...server, owner_id: '9' }
    drawn.hear({ op: 'server_added', d: serverOf(SERVER, { server: owned, roles, me, rights }) })
    drawn.hear({ op: 'member_updated', d: { member: memberOf(YOU, { role_ids: ['7'] }) } })
  })
  const name = screen.getByRole('button', { name: about === ME ? 'Ada' : 'Bo' })
  name.focus()
  await drawn.user.keyboard('{Enter}')
  const card = await screen.findByRole('dialog')
  return { ...drawn, name, card }
}

describe.each(['en', 'fr'] as const)('a card, %s', (language) => {
  const say = words[language]

  it('leads by the keyboard to a kick with a reason', async () => {
    const kickMember = vi.fn(async () => undefined)
    const { user, card, services } = await withCard(YOU, { language, api: { kickMember } })
    within(card).getByRole('button', { name: say.kick }).focus()
    await user.keyboard('{Enter}')
    await user.type(await screen.findByRole('textbox', { name: say.reason }), 'Spam{Enter}')
    expect(kickMember).toHaveBeenCalledExactlyOnceWith(SERVER, YOU, 'Spam')
    expect(services.stage.getState()).toMatchObject({ dialog: null, toasts: [{ text: say.said }] })
  })

  it('mutes for as long as chosen', async () => {
    const muteMember = vi.fn(async () => undefined)
    const { user, card } = await withCard(YOU, { language, api: { muteMember } })
    await user.click(within(card).getByRole('button', { name: say.mute }))
    expect(await screen.findByRole('radio', { name: say.hour, checked: true })).toBeDefined()
    await user.click(screen.getByRole('radio', { name: say.day }))
    await user.click(screen.getByRole('button', { name: say.mute }))
    expect(muteMember).toHaveBeenCalledExactlyOnceWith(SERVER, YOU, 86_400, '')
  })

  it('ticks the roles that one may give, and no others', async () => {
    const assignRole = vi.fn(async () => undefined)
    const unassignRole = vi.fn(async () => undefined)
    const { user, card } = await withCard(YOU, { language, api: { assignRole, unassignRole } })
    const roles = within(card).getByRole('region', { name: say.roles })
    expect(within(roles).queryByText('Lead')).toBeNull()
    await user.click(within(roles).getByRole('checkbox', { name: 'Pilot', checked: false }))
    await user.click(within(roles).getByRole('checkbox', { name: 'Crew', checked: true }))
    expect(assignRole).toHaveBeenCalledExactlyOnceWith(SERVER, YOU, '6')
    expect(unassignRole).toHaveBeenCalledExactlyOnceWith(SERVER, YOU, '7')
  })
})

describe('a card', () => {
  it('offers nothing to who may do nothing, and still says who it is', async () => {
    const { card } = await withCard(YOU, { rights: ['view_channels'] })
    expect(within(card).queryAllByRole('button')).toEqual([])
    expect(within(card).queryAllByRole('checkbox')).toEqual([])
    expect(within(card).getByText('Crew')).toBeDefined()
  })

  it('of oneself offers a nickname, and gives focus back when it closes', async () => {
    const setNickname = vi.fn(async () => undefined)
    const { user, card, name } = await withCard(ME, { api: { setNickname } })
    expect(
      within(card)
        .getAllByRole('button')
        .map((one) => one.textContent),
    ).toEqual(['Change nickname'])
    await user.keyboard('{Escape}')
    expect(screen.queryByRole('dialog')).toBeNull()
    expect(document.activeElement).toBe(name)
    await user.keyboard('{Enter}')
    await user.click(await screen.findByRole('button', { name: 'Change nickname' }))
    await user.type(await screen.findByRole('textbox', { name: 'Nickname' }), 'Captain{Enter}')
    expect(setNickname).toHaveBeenCalledExactlyOnceWith(SERVER, ME, 'Captain')
  })

  it('shows a mute, and ends it', async () => {
    const unmuteMember = vi.fn(async () => undefined)
    const { user, card, hear } = await withCard(YOU, { api: { unmuteMember } })
    const muted = memberOf(YOU, { muted_until: '2026-11-30T12:00:00Z' })
    act(() => hear({ op: 'member_updated', d: { member: muted } }))
    expect(within(card).getByText(/^Muted until Monday/)).toBeDefined()
    await user.click(within(card).getByRole('button', { name: 'Unmute' }))
    expect(unmuteMember).toHaveBeenCalledExactlyOnceWith(SERVER, YOU)
  })

  it('says a refusal in the words of the server', async () => {
    const refusal = new Problem('forbidden', 403, 'you need manage_members')
    const banUser = vi.fn(() => Promise.reject(refusal))
    const { user, card } = await withCard(YOU, { api: { banUser } })
    await user.click(within(card).getByRole('button', { name: 'Ban' }))
    await user.click(await screen.findByRole('radio', { name: 'Last hour' }))
    await user.click(await screen.findByRole('button', { name: 'Ban' }))
    expect(banUser).toHaveBeenCalledExactlyOnceWith(SERVER, YOU, '', 3600)
    expect((await screen.findByRole('alert')).textContent).toBe('You need manage_members.')
  })
})

describe('a name', () => {
  it('is the nickname, in the color of the highest role that has one', async () => {
    const { hear } = await withCard()
    act(() => hear({ op: 'member_updated', d: { member: memberOf(YOU, { role_ids: ['7'], nickname: 'Sails' }) } }))
    const name = screen.getAllByText('Sails')[0]
    expect(name?.style.getPropertyValue('--ink-light')).toMatch(/^oklch\(0\.5/)
    act(() => hear({ op: 'role_removed', d: { server_id: SERVER, role_id: '7' } }))
    expect(screen.getAllByText('Sails')[0]?.getAttribute('style')).toBeNull()
  })
})
