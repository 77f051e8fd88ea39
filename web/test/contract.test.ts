/** The fixtures that the server's tests read too: what it says must be what we understand, and the other way round. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { createApi } from '@/lib/api/client'
import { type ClientFrame, decodeFrame } from '@/lib/wire/frames'
import { entry } from '@/lib/wire/objects'

const FIXTURES = join(import.meta.dirname, '../../api/fixtures')
const read = (folder: string, name: string) => readFileSync(join(FIXTURES, folder, name), 'utf8')
const names = (folder: string) => readdirSync(join(FIXTURES, folder)).filter((name) => name.endsWith('.json'))

describe('frames from the server', () => {
  const fixtures = names('realtime').filter((name) => name.startsWith('server-'))

  it('are there', () => expect(fixtures.length).toBeGreaterThan(15))

  it.each(fixtures)('%s is understood', (name) => {
    const text = read('realtime', name)
    const decoded = decodeFrame(text)
    expect(decoded).toHaveProperty('frame.op', JSON.parse(text).op)
  })

  it.each(fixtures)('%s keeps every field that it shares with us', (name) => {
    const text = read('realtime', name)
    const decoded = decodeFrame(text)
    if (!('frame' in decoded)) throw new Error('not understood')
    expect(JSON.parse(text).d).toMatchObject(known(decoded.frame.d))
  })
})

/** Our defaults for absent fields are not in the fixture; everything else must come through unchanged. */
function known(value: unknown): object {
  return JSON.parse(
    JSON.stringify(value, (_, inner) => {
      if (inner === null || inner === '' || inner === false || inner === 0 || inner === '0') return undefined
      return Array.isArray(inner) && inner.length === 0 ? undefined : inner
    }),
  )
}

describe('frames from us', () => {
  // One of each, as the types have them: a fixture with another shape fails here or in tsc.
  const ours: Record<ClientFrame['op'], ClientFrame> = {
    identify: { op: 'identify', d: { token: 'eyJ…', channels: { '1581000000000000002': 7 }, status: 'online' } },
    heartbeat: { op: 'heartbeat', d: {} },
    token: { op: 'token', d: { token: 'eyJ…' } },
    since: { op: 'since', d: { channel_id: '1581000000000000002', r: 7 } },
    typing: { op: 'typing', d: { channel_id: '1581000000000000002' } },
    presence: { op: 'presence', d: { status: 'idle' } },
  }
  it.each(Object.values(ours))('$op is what the server reads', (frame) => {
    expect(JSON.parse(read('realtime', `client-${frame.op}.json`))).toEqual(frame)
  })

  it('have no fixture that we do not know', () => {
    const theirs = names('realtime').filter((name) => name.startsWith('client-'))
    expect(theirs.map((name) => name.slice('client-'.length, -'.json'.length)).sort()).toEqual(Object.keys(ours).sort())
  })
})

describe('requests', () => {
  const SERVER = '1581000000000000001'
  const CHANNEL = '1581000000000000003'
  const USER = '1580000000000000002'
  const ROLE = '1581000000000000009'
  const MESSAGE = '1582000000000000001'

  /** Answers every request with the fixture's answer, and keeps the request. */
  function over(name: string) {
    const fixture = JSON.parse(read('rest', `${name}.json`))
    const seen: Request[] = []
    const api = createApi({
      origin: 'https://beep.example',
      token: async () => 'token',
      fetch: async (request) => {
        seen.push(request)
        return fixture.answer === undefined ? new Response(null, { status: 204 }) : Response.json(fixture.answer)
      },
    })
    return { api, seen, fixture }
  }

  const calls: [string, (api: ReturnType<typeof createApi>) => Promise<unknown>][] = [
    ['Gateway_GetLimits', (api) => api.limits()],
    ['Users_ListUsers', (api) => api.users(['1580000000000000001'])],
    ['Servers_CreateServer', (api) => api.createServer('Harbour')],
    ['Servers_LeaveServer', (api) => api.leaveServer(SERVER)],
    ['Servers_CreateChannel', (api) => api.createChannel(SERVER, { name: 'tides', topic: '' })],
    ['Servers_UpdateServer', (api) => api.updateServer(SERVER, { name: 'Harbour' })],
    ['Servers_DeleteServer', (api) => api.deleteServer(SERVER, 'Harbour')],
    ['Servers_TransferServer', (api) => api.transferServer(SERVER, USER)],
    ['Servers_ListInvitations', (api) => api.invitations(SERVER)],
    ['Servers_RevokeInvitation', (api) => api.revokeInvitation('7Xk2mQ9tVw4B')],
    ['Servers_UpdateChannel', (api) => api.updateChannel(CHANNEL, { topic: 'High and low water' })],
    ['Servers_ReorderChannels', (api) => api.reorderChannels(SERVER, [CHANNEL])],
    ['Servers_DeleteChannel', (api) => api.deleteChannel(CHANNEL)],
    ['Servers_SetChannelAccess', (api) => api.setChannelAccess(CHANNEL, { private: true, add_member_ids: [USER] })],
    ['Servers_ListOverwrites', (api) => api.overwrites(CHANNEL)],
    ['Servers_SetOverwrite', (api) => api.setOverwrite(CHANNEL, { role_id: ROLE }, ['view_channels'], [])],
    ['Roles_CreateRole', (api) => api.createRole(SERVER, 'Crew')],
    ['Roles_UpdateRole', (api) => api.updateRole(SERVER, ROLE, { rights: ['manage_messages'] })],
    ['Roles_DeleteRole', (api) => api.deleteRole(SERVER, ROLE)],
    ['Roles_ReorderRoles', (api) => api.reorderRoles(SERVER, [ROLE])],
    ['Roles_AssignRole', (api) => api.assignRole(SERVER, USER, ROLE)],
    ['Roles_UnassignRole', (api) => api.unassignRole(SERVER, USER, ROLE)],
    ['Moderation_UpdateNickname', (api) => api.setNickname(SERVER, USER, 'Captain')],
    ['Moderation_MuteMember', (api) => api.muteMember(SERVER, USER, 600, '')],
    ['Moderation_UnmuteMember', (api) => api.unmuteMember(SERVER, USER)],
    ['Moderation_KickMember', (api) => api.kickMember(SERVER, USER, 'Spam')],
    ['Moderation_BanUser', (api) => api.banUser(SERVER, USER, 'Spam', 3600)],
    ['Moderation_UnbanUser', (api) => api.unbanUser(SERVER, USER)],
    ['Moderation_ListBans', (api) => api.bans(SERVER, '')],
    ['Moderation_ListAuditEntries', (api) => api.auditEntries(SERVER, { action: 'member_nickname', actorId: '' }, '')],
    ['Servers_ListMembers', (api) => api.members(SERVER, '')],
    ['Servers_CreateInvitation', (api) => api.createInvitation(SERVER, 86_400)],
    ['Servers_GetInvitation', (api) => api.invitation('7Xk2mQ9tVw4B')],
    ['Servers_AcceptInvitation', (api) => api.acceptInvitation('7Xk2mQ9tVw4B')],
    ['Messages_ListMessages', (api) => api.messages(CHANNEL, {})],
    ['Messages_SendMessage', (api) => api.sendMessage(CHANNEL, 'High water at 18:20', 'tide-1')],
    ['Messages_EditMessage', (api) => api.editMessage(CHANNEL, MESSAGE, 'High water at 18:40', 'tide-2')],
    ['Messages_DeleteMessage', (api) => api.deleteMessage(CHANNEL, MESSAGE, 'tide-3')],
  ]
  it.each(calls)('%s: our request carries known fields, its answer is understood', async (name, call) => {
    const { api, seen, fixture } = over(name)
    await expect(call(api)).resolves.not.toThrow()
    const [request] = seen
    const body = request?.body === null ? {} : await request?.json()
    expect(Object.keys(fixture.body ?? {})).toEqual(
      expect.arrayContaining(Object.keys(body).filter((key) => key !== 'topic')),
    )
    for (const part of Object.values<string>(fixture.path ?? {})) expect(request?.url).toContain(part)
    if (fixture.query?.startsWith('nonce')) expect(new URL(request?.url ?? '').search).toContain(fixture.query)
  })

  it('an entry is a message with its place in the log', () => {
    const frame = JSON.parse(read('realtime', 'server-entries.json'))
    expect(v.parse(v.array(entry), frame.d.entries)).toHaveLength(frame.d.entries.length)
  })
})
