/** Makers of the objects that the store's tests speak of. Not part of the client. */
import type { Channel, Entry, Member, Message, Page, Role, ServerState } from '@/lib/wire/objects'
import { apply, type StoreEvent } from './apply'
import { emptyState, type Pending, type State } from './state'

export const ME = '1'
export const YOU = '2'
export const SERVER = '100'
export const CHANNEL = '200'

export const messageOf = (n: number, more: Partial<Message> = {}): Message => ({
  id: String(1000 + n),
  channel_id: CHANNEL,
  author_id: YOU,
  content: `message ${n}`,
  created_at: '2026-11-24T10:00:00Z',
  edited_at: null,
  nonce: `n${n}`,
  n,
  v: n,
  deleted: false,
  ...more,
})

export const create = (r: number, message: Message): Entry => ({
  r,
  kind: 'create',
  actor_id: message.author_id,
  nonce: message.nonce,
  message,
})

/** A change of a message by its author: content "" is a delete. */
export const change = (r: number, message: Message, content: string, nonce = `c${r}`): Entry => ({
  r,
  kind: content === '' ? 'delete' : 'edit',
  actor_id: message.author_id,
  nonce,
  message: { ...message, content, v: r, deleted: content === '' },
})

export const pageOf = (messages: Message[], more: Partial<Page> = {}): Page => ({
  messages: messages.toReversed(),
  head: messages.reduce((most, message) => Math.max(most, message.v), 0),
  has_before: false,
  has_after: false,
  ...more,
})

export const channelOf = (id = CHANNEL, more: Partial<Channel> = {}): Channel => ({
  id,
  server_id: SERVER,
  kind: 'text',
  name: `channel ${id}`,
  topic: '',
  parent_id: '0',
  position: Number(id),
  synced: false,
  ...more,
})

export const memberOf = (user_id: string, more: Partial<Member> = {}): Member => ({
  user_id,
  server_id: SERVER,
  role_ids: [],
  joined_at: null,
  nickname: '',
  muted_until: null,
  ...more,
})

export const roleOf = (id: string, more: Partial<Role> = {}): Role => ({
  id,
  server_id: SERVER,
  name: `role ${id}`,
  position: Number(id),
  rights: [],
  color: 0,
  hoist: false,
  mentionable: false,
  ...more,
})

export const serverOf = (id = SERVER, more: Partial<ServerState> = {}): ServerState => ({
  server: { id, name: `server ${id}`, description: '', owner_id: YOU },
  roles: [],
  me: memberOf(ME, { server_id: id }),
  rights: ['view_channels', 'send_messages'],
  presences: [],
  ...more,
})

export const pendingOf = (nonce: string, more: Partial<Pending> = {}): Pending => ({
  nonce,
  kind: 'create',
  messageId: '',
  content: 'written',
  at: Date.parse('2026-11-24T10:05:00Z'),
  status: 'waiting',
  problem: null,
  v: 0,
  ...more,
})

type Frame = Extract<StoreEvent, { type: 'frame' }>['frame']

export const frame = (one: Frame, now = 0): StoreEvent => ({ type: 'frame', frame: one, now })

export const entries = (...list: Entry[]): StoreEvent =>
  frame({ op: 'entries', d: { channel_id: CHANNEL, entries: list } })

export const delta = (head: number, list: Entry[], more: { reset?: boolean; answer?: boolean } = {}): StoreEvent =>
  frame({ op: 'delta', d: { channel_id: CHANNEL, reset: false, answer: true, head, entries: list, ...more } })

export const play = (state: State, ...events: StoreEvent[]): State => events.reduce(apply, state)

const user = { id: ME, username: 'ada', display_name: 'Ada' }

/** Signed in, in one server with one channel whose log is empty. */
export const started: State = play(
  emptyState,
  frame({ op: 'ready', d: { session_id: 's', user, servers: [serverOf()] } }),
  frame({ op: 'channel_added', d: { channel: channelOf(), rights: ['view_channels', 'send_messages'] } }),
  { type: 'phase', phase: 'online' },
)
