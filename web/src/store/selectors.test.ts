import { describe, expect, it } from 'vitest'
import {
  channelGroups,
  firstChannel,
  hasRight,
  hasServerRight,
  isUnread,
  lastOwnMessage,
  memberGroups,
  nameIn,
  nameOf,
} from './selectors'
import {
  CHANNEL,
  channelOf,
  create,
  delta,
  entries,
  frame,
  ME,
  memberOf,
  messageOf,
  pendingOf,
  play,
  roleOf,
  SERVER,
  serverOf,
  started,
  YOU,
} from './testing'

const added = (id: string, more = {}) =>
  frame({ op: 'channel_added', d: { channel: channelOf(id, more), rights: ['send_messages'] } })

describe('channels', () => {
  const state = play(
    started,
    added('300', { kind: 'category', name: 'Studio', position: 1 }),
    added('301', { parent_id: '300', position: 3 }),
    added('302', { parent_id: '300', position: 2 }),
    added('303', { parent_id: '999', position: 4 }),
    added('400', { server_id: '101' }),
  )

  it('stand in their categories by position; one whose category is hidden stands alone', () => {
    const groups = channelGroups(state.channels, SERVER).map(({ category, channels }) => [
      category?.name ?? null,
      ...channels.map((c) => c.channel.id),
    ])
    expect(groups).toEqual([
      [null, '303', CHANNEL],
      ['Studio', '302', '301'],
    ])
    expect(firstChannel(state, SERVER)).toBe('303')
    expect(firstChannel(state, '999')).toBeNull()
  })

  it('say what one may do', () => {
    expect(hasRight(state, '301', 'send_messages')).toBe(true)
    expect(hasRight(state, '301', 'manage_messages')).toBe(false)
    expect(hasRight(state, 'gone', 'send_messages')).toBe(false)
    expect(hasServerRight(state, SERVER, 'send_messages')).toBe(true)
    expect(hasServerRight(state, 'gone', 'send_messages')).toBe(false)
  })

  it('are unread when more came than was shown here', () => {
    const read = play(started, delta(1, [create(1, messageOf(1))]))
    expect(isUnread(read, CHANNEL)).toBe(false)
    expect(isUnread(play(read, entries(create(2, messageOf(2)))), CHANNEL)).toBe(true)
    expect(isUnread(started, CHANNEL)).toBe(false)
  })
})

describe('members', () => {
  it('stand by highest role, then online, then offline, by name', () => {
    const roles = [
      roleOf(SERVER, { position: 0 }),
      roleOf('7', { name: 'Crew', position: 1, hoist: true }),
      roleOf('8', { name: 'Lead', position: 3, hoist: true }),
      // Higher than the crew, but it does not stand for itself.
      roleOf('9', { position: 2 }),
    ]
    const state = play(
      started,
      frame({
        op: 'server_added',
        d: serverOf(SERVER, {
          roles,
          presences: ['2', '3', '4', '5'].map((user_id) => ({ user_id, status: 'online' })),
        }),
      }),
      {
        type: 'members',
        serverId: SERVER,
        complete: true,
        members: [
          memberOf('2', { role_ids: ['7', '8'] }),
          memberOf('3', { role_ids: ['9', '7'] }),
          memberOf('4'),
          memberOf('5', { role_ids: ['9'], nickname: 'Alma' }),
          memberOf('6', { role_ids: ['8'] }),
        ],
      },
      {
        type: 'users',
        users: [
          ['4', 'Zoe'],
          ['5', 'Bo'],
        ].map(([id = '', display_name = '']) => ({ id, username: '', display_name })),
      },
    )
    const groups = memberGroups(state, SERVER).map((group) => [
      group.id,
      group.name,
      ...group.members.map((m) => m.user_id),
    ])
    expect(groups).toEqual([
      ['8', 'Lead', '2'],
      ['7', 'Crew', '3'],
      ['online', '', '5', '4'],
      ['offline', '', '6', ME],
    ])
  })
})

describe('names', () => {
  it('are the display name, else the username, else nothing yet', () => {
    const state = play(started, { type: 'users', users: [{ id: YOU, username: 'bo', display_name: '' }] })
    expect([nameOf(state, ME), nameOf(state, YOU), nameOf(state, '9')]).toEqual(['Ada', 'bo', ''])
  })

  it('are the nickname where there is one, there alone', () => {
    const nicked = frame({ op: 'member_updated', d: { member: memberOf(ME, { nickname: 'Captain' }) } })
    const state = play(started, nicked)
    expect([nameIn(state, SERVER, ME), nameIn(state, '101', ME), nameOf(state, ME)]).toEqual(['Captain', 'Ada', 'Ada'])
  })
})

describe('the last own message', () => {
  it('is one that stands and is not on its way out', () => {
    const mine = (n: number, more = {}) => create(n, messageOf(n, { author_id: ME, ...more }))
    const state = play(started, delta(4, [mine(1), mine(2), mine(3, { deleted: true }), create(4, messageOf(4))]))
    expect(lastOwnMessage(state, CHANNEL)?.id).toBe('1002')
    const going = play(state, {
      type: 'queued',
      channelId: CHANNEL,
      pending: pendingOf('d', { kind: 'delete', messageId: '1002' }),
    })
    expect(lastOwnMessage(going, CHANNEL)?.id).toBe('1001')
    expect(lastOwnMessage(started, CHANNEL)).toBeNull()
  })
})
