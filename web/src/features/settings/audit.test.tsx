import { act, screen, waitFor } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { ME, roleOf, SERVER, serverOf, YOU } from '@/store/testing'
import { draw } from '../../../test/draw'
import { Audit } from './audit'

const entry = (id: string, action: string, target_id: string, changes: object[] = [], reason = '') => ({
  ...{ id, actor_id: ME, action, target_id, changes, reason },
  created_at: '2026-11-24T18:00:00Z',
})
const deeds = [
  entry('9', 'role_update', '7', [
    { field: 'name', from: ['Deck'], to: ['Crew'] },
    { field: 'color', from: [], to: ['1752220'] },
    { field: 'rights', from: ['send_messages', 'speak'], to: ['send_messages', 'manage_messages'] },
    { field: 'hoist', from: ['false'], to: ['true'] },
  ]),
  entry('8', 'overwrite_set', '200', [
    { field: 'role_id', from: [], to: [SERVER] },
    { field: 'deny', from: [], to: ['view_channels', 'manage_permissions'] },
  ]),
  entry('7', 'channel_delete', '999', [{ field: 'name', from: ['bilge'], to: [] }]),
  entry('6', 'member_ban', YOU, [], 'Spam'),
  entry('5', 'comet_catch', '1', [{ field: 'tail', from: ['short'], to: ['long'] }]),
]

async function audit(language: 'en' | 'fr', auditEntries = vi.fn(async () => deeds)) {
  const drawn = await draw(<Audit serverId={SERVER} />, { language, api: { auditEntries } })
  const d = serverOf(SERVER, { roles: [roleOf('7', { name: 'Crew' }), roleOf(SERVER, { position: 0 })] })
  act(() => drawn.hear({ op: 'server_added', d }))
  await screen.findByText('comet_catch', { exact: false })
  return { ...drawn, auditEntries, text: () => screen.getByRole('list').textContent ?? '' }
}

describe.each([
  [
    'en',
    [
      'Ada changed the role Crew',
      'Name: Deck → Crew',
      'Color: #1abc9c',
      'Rights: given Manage messages, taken Speak',
      'Stands for itself: no → yes',
      'set rights in the channel deck',
      'Role: Everyone',
      'Denied: View channels, Manage rights',
      'deleted the channel bilge',
      'banned Bo',
      'Reason: Spam',
      'tail: short → long',
    ],
  ],
  [
    'fr',
    [
      'Ada a modifié le rôle Crew',
      'Nom : Deck → Crew',
      'Couleur : #1abc9c',
      'Droits : accordé Gérer les messages, retiré Parler',
      'Rôle : Tout le monde',
      'a supprimé le salon bilge',
      'a banni Bo',
      'Raison : Spam',
    ],
  ],
] as const)('the audit log, %s', (language, lines) => {
  it('says in names and words who did what, and what it was before', async () => {
    const { text } = await audit(language)
    const said = text().replaceAll('\u00a0', ' ')
    for (const line of lines) expect(said).toContain(line)
  })
})

it('is looked through by what was done and by whom', async () => {
  const { user, auditEntries } = await audit('en')
  await user.selectOptions(screen.getByRole('combobox', { name: 'Action' }), 'member_ban')
  await waitFor(() => expect(auditEntries).toHaveBeenLastCalledWith(SERVER, { action: 'member_ban', actorId: '' }, ''))
  await user.selectOptions(screen.getByRole('combobox', { name: 'Done by' }), 'Ada')
  await waitFor(() => expect(auditEntries).toHaveBeenLastCalledWith(SERVER, { action: 'member_ban', actorId: ME }, ''))
})

it('is read on from the oldest of a full page', async () => {
  const full = Array.from({ length: 46 }, (_, i) => entry(String(146 - i), 'server_update', SERVER))
  const auditEntries = vi.fn(async (_server: string, _filter: object, before: string) =>
    before === '' ? [...full, ...deeds].slice(0, 50) : [],
  )
  await draw(<Audit serverId={SERVER} />, { api: { auditEntries } }).then(async ({ user }) => {
    await user.click(await screen.findByRole('button', { name: 'Show more' }))
    await waitFor(() => expect(auditEntries).toHaveBeenLastCalledWith(SERVER, { action: '', actorId: '' }, '6'))
  })
})
