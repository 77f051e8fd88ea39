/**
 * Changes of the user's own on their way. What is sent shows at once; only the log says that it happened. The
 * nonce ties the two together, whichever comes first: the answer of the request or the entry.
 */
import type { Problem } from '@/lib/api/problem'
import type { Entry, Message } from '@/lib/wire/objects'
import type { Restored } from './kept-outbox'
import type { Pending, State } from './state'

export type OutboxEvent =
  | { type: 'queued'; channelId: string; pending: Pending }
  | { type: 'acked'; channelId: string; nonce: string; message: Message | null }
  | { type: 'failed'; channelId: string; nonce: string; problem: Problem }
  | { type: 'retried'; channelId: string; nonce: string }
  | { type: 'dropped'; channelId: string; nonce: string }
  | { type: 'restored'; changes: readonly Restored[] }

type Of<T extends OutboxEvent['type']> = Extract<OutboxEvent, { type: T }>

function withOutbox(state: State, channelId: string, change: (list: readonly Pending[]) => readonly Pending[]): State {
  const before = state.outbox[channelId] ?? []
  const after = change(before)
  return after === before ? state : { ...state, outbox: { ...state.outbox, [channelId]: after } }
}

const edit = (state: State, channelId: string, nonce: string, change: (pending: Pending) => Pending) =>
  withOutbox(state, channelId, (list) =>
    list.some((pending) => pending.nonce === nonce)
      ? list.map((pending) => (pending.nonce === nonce ? change(pending) : pending))
      : list,
  )

const remove = (state: State, channelId: string, gone: (pending: Pending) => boolean) =>
  withOutbox(state, channelId, (list) => (list.some(gone) ? list.filter((pending) => !gone(pending)) : list))

/** Queues a change. A later change of the same message replaces one that failed. */
export function enqueue(state: State, { channelId, pending }: Of<'queued'>): State {
  const superseded = (other: Pending) =>
    other.status === 'failed' && other.messageId !== '' && other.messageId === pending.messageId
  return withOutbox(state, channelId, (list) => [...list.filter((other) => !superseded(other)), pending])
}

/** The request was answered: done, though its entry may still be on the way. */
export function acknowledge(state: State, { channelId, nonce, message }: Of<'acked'>): State {
  const kept = message === null ? state : hold(state, channelId, message)
  const acked = edit(kept, channelId, nonce, (pending) => ({ ...pending, status: 'acked', v: message?.v ?? 0 }))
  return settleWindow(acked, channelId)
}

/** Keeps an answered version of a message that is already known; a new one waits for its entry. */
function hold(state: State, channelId: string, message: Message): State {
  const window = state.windows[channelId]
  const known = window?.states.get(message.id)
  if (window === undefined || known === undefined || known.v >= message.v) return state
  const states = new Map(window.states).set(message.id, message)
  return { ...state, windows: { ...state.windows, [channelId]: { ...window, states } } }
}

/** The change was refused, or tried for too long: the user decides. */
export const failPending = (state: State, { channelId, nonce, problem }: Of<'failed'>): State =>
  edit(state, channelId, nonce, (pending) => ({ ...pending, status: 'failed', problem }))

/** The user wants it tried again, with the same nonce: it may have happened after all. */
export const retryPending = (state: State, { channelId, nonce }: Of<'retried'>): State =>
  edit(state, channelId, nonce, (pending) => ({ ...pending, status: 'waiting', problem: null }))

/** The user gives it up. */
export const dropPending = (state: State, { channelId, nonce }: Of<'dropped'>): State =>
  remove(state, channelId, (pending) => pending.nonce === nonce)

/** Changes that this device had kept come back; what is here already is further on. */
export function restorePending(state: State, { changes }: Of<'restored'>): State {
  return changes.reduce((so, { channelId, pending }) => {
    const known = so.outbox[channelId]?.some((other) => other.nonce === pending.nonce) ?? false
    return known ? so : settleWindow(enqueue(so, { type: 'queued', channelId, pending }), channelId)
  }, state)
}

/** Entries of the user's own settle what they carry out. */
export function settle(state: State, channelId: string, entries: readonly Entry[]): State {
  const mine = new Set(entries.filter((entry) => entry.actor_id === state.me?.id).map((entry) => entry.nonce))
  const r = state.windows[channelId]?.r ?? 0
  // An entry that was skipped because one before it is missing has not been shown yet.
  const shown = new Set(entries.filter((entry) => entry.r <= r).map((entry) => entry.nonce))
  return remove(state, channelId, (pending) => mine.has(pending.nonce) && shown.has(pending.nonce))
}

/**
 * The window itself settles what it already holds: acknowledged changes up to r, and changes of the user's own
 * that a page or a reset brought without their entries.
 */
export function settleWindow(state: State, channelId: string): State {
  const window = state.windows[channelId]
  const list = state.outbox[channelId]
  if (window === undefined || list === undefined || list.length === 0) return state
  const mine = new Set<string>()
  for (const message of window.states.values()) if (message.author_id === state.me?.id) mine.add(message.nonce)
  return remove(state, channelId, (pending) => {
    if (pending.kind === 'create' && mine.has(pending.nonce)) return true
    if (pending.status !== 'acked') return false
    // The answer to a delete names no r; the message itself tells.
    if (pending.kind === 'delete') return window.states.get(pending.messageId)?.deleted ?? true
    return pending.v <= window.r
  })
}
