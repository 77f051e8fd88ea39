import { describe, expect, it } from 'vitest'
import { Problem } from '@/lib/api/problem'
import { emptyState } from './state'
import {
  CHANNEL,
  change,
  channelOf,
  create,
  delta,
  entries,
  frame,
  ME,
  memberOf,
  messageOf,
  pageOf,
  pendingOf,
  play,
  roleOf,
  SERVER,
  serverOf,
  started,
  YOU,
} from './testing'
import { TYPING_FOR } from './typing'

describe('ready', () => {
  it('tells who one is and where', () => {
    expect(started).toMatchObject({ ready: true, serverOrder: [SERVER], me: { display_name: 'Ada' } })
    expect(started.members[SERVER]?.byId[ME]).toBeDefined()
  })

  it('again drops the servers that are gone, with all in them', () => {
    const state = play(
      started,
      frame({
        op: 'ready',
        d: { session_id: 't', user: { id: ME, username: 'ada', display_name: 'Ada' }, servers: [] },
      }),
    )
    expect(state).toMatchObject({ servers: {}, channels: {}, windows: {}, members: {}, serverOrder: [] })
  })

  it('again keeps the windows, for which an answer is on its way', () => {
    const state = play(
      started,
      delta(1, [create(1, messageOf(1))]),
      frame({
        op: 'ready',
        d: { session_id: 't', user: { id: ME, username: 'ada', display_name: 'Ada' }, servers: [serverOf()] },
      }),
    )
    expect(state.windows[CHANNEL]).toMatchObject({ r: 1, asks: true, loaded: true })
  })
})

describe('servers and roles', () => {
  it('are added, changed and removed', () => {
    const role = roleOf('7', { name: 'crew' })
    const state = play(
      started,
      frame({ op: 'server_added', d: serverOf('101') }),
      frame({ op: 'server_updated', d: { server: { ...serverOf().server, name: 'renamed' } } }),
      frame({ op: 'rights_updated', d: { server_id: SERVER, rights: ['manage_channels'] } }),
      frame({ op: 'role_updated', d: { role } }),
    )
    expect(state.serverOrder).toEqual([SERVER, '101'])
    expect(state.servers[SERVER]).toMatchObject({
      server: { name: 'renamed' },
      rights: ['manage_channels'],
      roles: { 7: role },
    })
    const fewer = play(
      state,
      frame({ op: 'role_removed', d: { server_id: SERVER, role_id: '7' } }),
      frame({ op: 'server_removed', d: { server_id: '101' } }),
    )
    expect(fewer.servers[SERVER]?.roles).toEqual({})
    expect(fewer.serverOrder).toEqual([SERVER])
  })

  it('leave nobody with a role that is gone', () => {
    const state = play(
      started,
      { type: 'members', serverId: SERVER, members: [memberOf('3', { role_ids: ['7', '8'] })], complete: true },
      frame({ op: 'role_updated', d: { role: roleOf('7') } }),
      frame({ op: 'role_removed', d: { server_id: SERVER, role_id: '7' } }),
    )
    expect(state.members[SERVER]?.byId['3']?.role_ids).toEqual(['8'])
    const before = state.members[SERVER]?.byId[ME]
    expect(
      play(state, frame({ op: 'role_removed', d: { server_id: SERVER, role_id: '7' } })).members[SERVER]?.byId[ME],
    ).toBe(before)
  })

  it('that are unknown are not made up by a change of them', () => {
    expect(play(started, frame({ op: 'rights_updated', d: { server_id: '999', rights: [] } }))).toBe(started)
  })
})

describe('channels', () => {
  it('removed drop all of it: window, unsent messages, typing, read state, the view', () => {
    const full = play(
      started,
      delta(1, [create(1, messageOf(1))]),
      { type: 'queued', channelId: CHANNEL, pending: pendingOf('a') },
      { type: 'view', channelId: CHANNEL },
      frame({ op: 'typing', d: { channel_id: CHANNEL, user_id: YOU } }),
    )
    expect(full.outbox[CHANNEL]).toHaveLength(1)
    const state = play(full, frame({ op: 'channel_removed', d: { channel_id: CHANNEL } }))
    for (const part of [state.channels, state.windows, state.outbox, state.typing, state.reads])
      expect(part).toEqual({})
    expect(state.viewing).toBeNull()
  })

  it('added again keep the window, with an answer on its way', () => {
    const state = play(
      started,
      delta(1, [create(1, messageOf(1))]),
      frame({ op: 'channel_added', d: { channel: channelOf(), rights: [] } }),
    )
    expect(state.windows[CHANNEL]).toMatchObject({ r: 1, asks: true })
  })

  it('of a category have no window', () => {
    const state = play(
      started,
      frame({ op: 'channel_added', d: { channel: channelOf('201', { kind: 'category' }), rights: [] } }),
    )
    expect(state.windows['201']).toBeUndefined()
  })

  it('updated change name and rights only', () => {
    const state = play(
      started,
      frame({ op: 'channel_updated', d: { channel: channelOf(CHANNEL, { name: 'new' }), rights: ['view_channels'] } }),
    )
    expect(state.channels[CHANNEL]).toMatchObject({ channel: { name: 'new' }, rights: ['view_channels'] })
    expect(state.windows[CHANNEL]).toBe(started.windows[CHANNEL])
  })

  it('that are unknown take no entries', () => {
    const stray = frame({ op: 'entries', d: { channel_id: '999', entries: [create(1, messageOf(1))] } })
    expect(play(started, stray)).toBe(started)
  })

  it('whose question was refused may be asked about again', () => {
    const state = play(
      started,
      { type: 'asked', channelId: CHANNEL },
      frame({ op: 'error', d: { code: 'rate_limited', message: '', op: 'since', channel_id: CHANNEL } }),
    )
    expect(state.windows[CHANNEL]?.asks).toBe(false)
    expect(play(state, frame({ op: 'error', d: { code: 'x', message: '', op: 'typing', channel_id: CHANNEL } }))).toBe(
      state,
    )
  })
})

describe('members', () => {
  it('come by pages and by events', () => {
    const state = play(
      started,
      { type: 'members', serverId: SERVER, members: [memberOf('2'), memberOf('3')], complete: false },
      frame({ op: 'member_updated', d: { member: memberOf('4') } }),
      frame({ op: 'member_removed', d: { server_id: SERVER, user_id: '2' } }),
    )
    expect(state.members[SERVER]).toMatchObject({ cursor: '3', complete: false })
    expect(Object.keys(state.members[SERVER]?.byId ?? {})).toEqual([ME, '3', '4'])
  })

  it('of a server that is gone are dropped', () => {
    expect(play(started, { type: 'members', serverId: '999', members: [], complete: true })).toBe(started)
    expect(play(started, frame({ op: 'member_removed', d: { server_id: '999', user_id: '2' } }))).toBe(started)
  })
})

describe('typing', () => {
  const typed = frame({ op: 'typing', d: { channel_id: CHANNEL, user_id: YOU } }, 1_000)

  it('ends after its time', () => {
    const state = play(started, typed)
    expect(play(state, { type: 'quiet', now: 1_000 + TYPING_FOR - 1 })).toBe(state)
    expect(play(state, { type: 'quiet', now: 1_000 + TYPING_FOR }).typing[CHANNEL]).toEqual({})
  })

  it('ends when the message comes', () => {
    const state = play(started, delta(0, []), typed, entries(create(1, messageOf(1))))
    expect(state.typing[CHANNEL]).toEqual({})
  })

  it('of oneself or in a channel that is not seen is nothing', () => {
    expect(play(started, frame({ op: 'typing', d: { channel_id: CHANNEL, user_id: ME } }))).toBe(started)
    expect(play(started, frame({ op: 'typing', d: { channel_id: '999', user_id: YOU } }))).toBe(started)
  })
})

describe('read state', () => {
  it('counts what a device first sees as read', () => {
    const state = play(
      started,
      delta(
        3,
        [1, 2, 3].map((n) => create(n, messageOf(n))),
      ),
    )
    expect(state.reads[CHANNEL]).toBe(3)
  })

  it('only grows', () => {
    const state = play(started, { type: 'read', channelId: CHANNEL, n: 5 }, { type: 'read', channelId: CHANNEL, n: 2 })
    expect(state.reads[CHANNEL]).toBe(5)
  })

  it('of this session wins over the stored one', () => {
    const state = play(
      started,
      { type: 'read', channelId: CHANNEL, n: 5 },
      { type: 'reads', reads: { [CHANNEL]: 1, 300: 4 } },
    )
    expect(state.reads).toEqual({ [CHANNEL]: 5, 300: 4 })
  })

  it('tells where the new ones begin when a channel is opened', () => {
    const state = play(started, delta(1, [create(1, messageOf(1))]), entries(create(2, messageOf(2))), {
      type: 'view',
      channelId: CHANNEL,
    })
    expect(state.viewing).toEqual({ channelId: CHANNEL, newAfter: 1 })
    // And keeps telling it while the channel stays open.
    const read = play(state, { type: 'read', channelId: CHANNEL, n: 2 }, { type: 'view', channelId: CHANNEL })
    expect(read.viewing?.newAfter).toBe(1)
    expect(
      play(read, { type: 'view', channelId: null }, { type: 'view', channelId: CHANNEL }).viewing?.newAfter,
    ).toBeNull()
  })
})

describe('own changes', () => {
  const mine = (n: number, nonce: string) => messageOf(n, { author_id: ME, nonce })
  const sent = play(started, delta(0, []), { type: 'queued', channelId: CHANNEL, pending: pendingOf('a') })

  it('are settled by the entry, whatever the answer does', () => {
    const state = play(sent, entries(create(1, mine(1, 'a'))))
    expect(state.outbox[CHANNEL]).toEqual([])
    expect(play(state, { type: 'acked', channelId: CHANNEL, nonce: 'a', message: mine(1, 'a') })).toEqual(state)
  })

  it('answered first stay until the entry comes', () => {
    const acked = play(sent, { type: 'acked', channelId: CHANNEL, nonce: 'a', message: mine(1, 'a') })
    expect(acked.outbox[CHANNEL]).toMatchObject([{ status: 'acked', v: 1 }])
    expect(play(acked, entries(create(1, mine(1, 'a')))).outbox[CHANNEL]).toEqual([])
  })

  it('are not settled by an entry that was skipped', () => {
    const state = play(sent, entries(create(5, mine(5, 'a'))))
    expect(state.outbox[CHANNEL]).toHaveLength(1)
  })

  it('are not settled by the same nonce of another', () => {
    expect(play(sent, entries(create(1, messageOf(1, { nonce: 'a' })))).outbox[CHANNEL]).toHaveLength(1)
  })

  it('are settled by a reset that brings them, or that passed them', () => {
    const brought = play(sent, delta(600, [create(600, mine(600, 'a'))], { reset: true }))
    expect(brought.outbox[CHANNEL]).toEqual([])
    const acked = play(sent, { type: 'acked', channelId: CHANNEL, nonce: 'a', message: mine(1, 'a') })
    expect(play(acked, delta(600, [create(600, messageOf(600))], { reset: true })).outbox[CHANNEL]).toEqual([])
  })

  it('are settled by a page that brings them', () => {
    const page = pageOf([mine(1, 'a')])
    const answer = { edge: 'replace', generation: 0, anchor: '', page } as const
    expect(play(sent, { type: 'page', channelId: CHANNEL, answer }).outbox[CHANNEL]).toEqual([])
  })

  it('that edit show the answered version at once', () => {
    const message = mine(1, 'a')
    const edited = { ...message, content: 'better', v: 2 }
    const state = play(
      started,
      delta(1, [create(1, message)]),
      {
        type: 'queued',
        channelId: CHANNEL,
        pending: pendingOf('b', { kind: 'edit', messageId: message.id, content: 'better' }),
      },
      { type: 'acked', channelId: CHANNEL, nonce: 'b', message: edited },
    )
    expect(state.windows[CHANNEL]?.states.get(message.id)?.content).toBe('better')
    expect(play(state, entries(change(2, message, 'better', 'b'))).outbox[CHANNEL]).toEqual([])
  })

  it('that delete stay until the message is gone', () => {
    const message = mine(1, 'a')
    const state = play(
      started,
      delta(1, [create(1, message)]),
      { type: 'queued', channelId: CHANNEL, pending: pendingOf('d', { kind: 'delete', messageId: message.id }) },
      { type: 'acked', channelId: CHANNEL, nonce: 'd', message: null },
    )
    expect(state.outbox[CHANNEL]).toHaveLength(1)
    expect(play(state, entries(change(2, message, '', 'other'))).outbox[CHANNEL]).toEqual([])
  })

  it('that failed can be tried again, dropped, or replaced by a later one', () => {
    const problem = new Problem('forbidden', 403)
    const failed = play(
      started,
      { type: 'queued', channelId: CHANNEL, pending: pendingOf('e', { kind: 'edit', messageId: '1001' }) },
      { type: 'failed', channelId: CHANNEL, nonce: 'e', problem },
    )
    expect(failed.outbox[CHANNEL]).toMatchObject([{ status: 'failed', problem }])
    expect(play(failed, { type: 'retried', channelId: CHANNEL, nonce: 'e' }).outbox[CHANNEL]).toMatchObject([
      { status: 'waiting', problem: null },
    ])
    expect(play(failed, { type: 'dropped', channelId: CHANNEL, nonce: 'e' }).outbox[CHANNEL]).toEqual([])
    const later = pendingOf('f', { kind: 'edit', messageId: '1001' })
    expect(play(failed, { type: 'queued', channelId: CHANNEL, pending: later }).outbox[CHANNEL]).toEqual([later])
  })

  it('of unknown names change nothing', () => {
    expect(play(sent, { type: 'dropped', channelId: CHANNEL, nonce: 'x' })).toBe(sent)
    expect(play(sent, { type: 'retried', channelId: '999', nonce: 'x' })).toBe(sent)
  })
})

describe('the rest', () => {
  it('presence, profiles, trimming, sign-out', () => {
    const state = play(
      started,
      frame({ op: 'presence', d: { user_id: YOU, status: 'idle' } }),
      { type: 'users', users: [{ id: YOU, username: 'bo', display_name: 'Bo' }] },
      delta(
        9,
        Array.from({ length: 9 }, (_, i) => create(i + 1, messageOf(i + 1))),
      ),
      { type: 'trim', channelId: CHANNEL, keep: 2 },
      frame({ op: 'heartbeat_ack', d: {} }),
    )
    expect(state.presence[YOU]).toBe('idle')
    expect(state.users[YOU]?.display_name).toBe('Bo')
    expect(state.windows[CHANNEL]?.ids).toEqual(['1008', '1009'])
    expect(play(state, { type: 'signed-out' })).toEqual(emptyState)
  })
})
