/** The only place where state changes: apply(state, event) is pure, and the order of events is all that counts. */

import type { Phase } from '@/lib/rt/machine'
import type { ServerFrame } from '@/lib/wire/frames'
import type { Entry, Member, Profile, ServerState } from '@/lib/wire/objects'
import {
  acknowledge,
  dropPending,
  enqueue,
  failPending,
  type OutboxEvent,
  restorePending,
  retryPending,
  settle,
  settleWindow,
} from './outbox'
import {
  addMembers,
  addServer,
  removeChannels,
  removeMember,
  removeRole,
  removeServers,
  setMember,
  withServer,
} from './places'
import { index } from './records'
import { emptyState, type State } from './state'
import { quiet, stopTyping, typing } from './typing'
import {
  applyDelta,
  applyEntries,
  type ChannelWindow,
  emptyWindow,
  mergePage,
  type PageAnswer,
  trimWindow,
} from './window'

export type StoreEvent =
  | { type: 'frame'; frame: ServerFrame; now: number }
  | { type: 'phase'; phase: Phase }
  | { type: 'signed-out' }
  | { type: 'asked'; channelId: string }
  | { type: 'page'; channelId: string; answer: PageAnswer }
  | { type: 'users'; users: readonly Profile[] }
  | { type: 'members'; serverId: string; members: readonly Member[]; complete: boolean }
  | { type: 'view'; channelId: string | null }
  | { type: 'read'; channelId: string; n: number }
  | { type: 'reads'; reads: Readonly<Record<string, number>> }
  | { type: 'quiet'; now: number }
  | { type: 'trim'; channelId: string; keep: number }
  | OutboxEvent

/** The state after an event. */
export function apply(state: State, event: StoreEvent): State {
  switch (event.type) {
    case 'frame':
      return applyFrame(state, event.frame, event.now)
    case 'phase':
      return { ...state, phase: event.phase }
    case 'signed-out':
      return { ...emptyState, reads: {} }
    case 'asked':
      return withWindow(state, event.channelId, (window) => ({ ...window, asks: true }))
    case 'page': {
      const merged = withWindow(state, event.channelId, (window) => mergePage(window, event.answer))
      return firstSight(settleWindow(merged, event.channelId), event.channelId, [])
    }
    case 'users':
      return { ...state, users: { ...state.users, ...index(event.users, (user) => user.id) } }
    case 'members':
      return addMembers(state, event.serverId, event.members, event.complete)
    case 'view':
      return view(state, event.channelId)
    case 'read':
      if ((state.reads[event.channelId] ?? 0) >= event.n) return state
      return { ...state, reads: { ...state.reads, [event.channelId]: event.n } }
    case 'reads':
      return { ...state, reads: { ...event.reads, ...state.reads } }
    case 'quiet':
      return quiet(state, event.now)
    case 'trim':
      return withWindow(state, event.channelId, (window) => trimWindow(window, event.keep))
    case 'queued':
      return enqueue(state, event)
    case 'acked':
      return acknowledge(state, event)
    case 'failed':
      return failPending(state, event)
    case 'retried':
      return retryPending(state, event)
    case 'dropped':
      return dropPending(state, event)
    case 'restored':
      return restorePending(state, event)
  }
}

function applyFrame(state: State, frame: ServerFrame, now: number): State {
  switch (frame.op) {
    case 'ready':
      return ready(state, frame.d.user, frame.d.servers)
    case 'server_added':
      return addServer(state, frame.d)
    case 'server_updated':
      return withServer(state, frame.d.server.id, (known) => ({ ...known, server: frame.d.server }))
    case 'rights_updated':
      return withServer(state, frame.d.server_id, (known) => ({ ...known, rights: frame.d.rights }))
    case 'role_updated':
      return withServer(state, frame.d.role.server_id, (known) => ({
        ...known,
        roles: { ...known.roles, [frame.d.role.id]: frame.d.role },
      }))
    case 'role_removed':
      return removeRole(state, frame.d.server_id, frame.d.role_id)
    case 'server_removed':
      return removeServers(state, [frame.d.server_id])
    case 'channel_added':
    case 'channel_updated': {
      const { channel, rights } = frame.d
      if (!channel) return state // a thread or a direct message: neither is shown yet
      const next = { ...state, channels: { ...state.channels, [channel.id]: { channel, rights } } }
      if (frame.op === 'channel_updated' || channel.kind !== 'text') return next
      const window = state.windows[channel.id] ?? emptyWindow
      return { ...next, windows: { ...state.windows, [channel.id]: { ...window, asks: true } } }
    }
    case 'channel_removed':
      return removeChannels(state, [frame.d.channel_id])
    case 'member_updated':
      return setMember(state, frame.d.member)
    case 'member_removed':
      return removeMember(state, frame.d.server_id, frame.d.user_id)
    case 'entries':
      return heard(state, frame.d.channel_id, frame.d.entries, (window) => applyEntries(window, frame.d.entries))
    case 'delta':
      return heard(state, frame.d.channel_id, frame.d.entries, (window) => applyDelta(window, frame.d))
    case 'typing':
      return typing(state, frame.d.channel_id, frame.d.user_id, now)
    case 'presence':
      return { ...state, presence: { ...state.presence, [frame.d.user_id]: frame.d.status } }
    case 'error':
      // A refused question will get no answer: the next reason to ask must not wait for it.
      if (frame.d.op !== 'since') return state
      return withWindow(state, frame.d.channel_id, (window) => ({ ...window, asks: false, seen: window.r }))
    default:
      return state
  }
}

/** A channel's window moved: settle what it confirms, and stop the typing of whoever has spoken. */
function heard(
  state: State,
  channelId: string,
  entries: readonly Entry[],
  move: (w: ChannelWindow) => ChannelWindow,
): State {
  if (state.windows[channelId] === undefined) return state
  const moved = withWindow(state, channelId, move)
  const settled = settleWindow(settle(moved, channelId, entries), channelId)
  const writers = entries.filter((entry) => entry.kind === 'create').map((entry) => entry.actor_id)
  return firstSight(stopTyping(settled, channelId, writers), channelId, entries)
}

/** What a channel held when this device first saw it counts as read; what came live after that does not. */
function firstSight(state: State, channelId: string, entries: readonly Entry[]): State {
  const window = state.windows[channelId]
  if (window === undefined || state.reads[channelId] !== undefined) return state
  const live = window.loaded ? undefined : entries.find((entry) => entry.kind === 'create')
  if (!window.loaded && live === undefined) return state
  return { ...state, reads: { ...state.reads, [channelId]: live === undefined ? window.n : live.message.n - 1 } }
}

function ready(state: State, me: Profile, servers: readonly ServerState[]): State {
  const gone = Object.keys(state.servers).filter((id) => !servers.some(({ server }) => server.id === id))
  // Who was online is told anew; what was heard before the gap says nothing.
  const kept = { ...removeServers(state, gone), me, ready: true, serverOrder: [], presence: {}, typing: {} }
  // An answer is on its way for every channel that stays; the others are removed by name.
  const windows = Object.fromEntries(
    Object.entries(kept.windows).map(([id, window]) => [id, { ...window, asks: true }]),
  )
  return servers.reduce(addServer, { ...kept, windows, users: { ...kept.users, [me.id]: me } })
}

function view(state: State, channelId: string | null): State {
  if (channelId === null) return { ...state, viewing: null }
  if (state.viewing?.channelId === channelId) return state
  const read = state.reads[channelId]
  const unread = read !== undefined && (state.windows[channelId]?.n ?? 0) > read
  return { ...state, viewing: { channelId, newAfter: unread ? read : null } }
}

function withWindow(state: State, id: string, change: (known: ChannelWindow) => ChannelWindow): State {
  const known = state.windows[id]
  if (known === undefined) return state
  const changed = change(known)
  return changed === known ? state : { ...state, windows: { ...state.windows, [id]: changed } }
}
