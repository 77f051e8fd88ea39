/**
 * One channel's messages: the rules of docs/realtime.md, "What a client keeps", as pure functions.
 *
 * r counts the log: every entry up to r is in. ids is the stretch of history in view, contiguous and
 * ascending; states holds the newest version known of every message, in view or not, since a page read later
 * may be older than what was already heard live.
 */
import { compareIds } from '@/lib/wire/ids'
import type { Entry, Message, Page } from '@/lib/wire/objects'

export interface ChannelWindow {
  /** The last entry applied. */
  readonly r: number
  /** Where the window began: what happened up to here is known from a page only. */
  readonly base: number
  /** The highest r heard of. */
  readonly seen: number
  /** Whether an answer to "what follows r" is on its way. */
  readonly asks: boolean
  /** Whether the newest messages were ever here: an empty window before that is unknown, after it is empty. */
  readonly loaded: boolean
  readonly ids: readonly string[]
  readonly states: ReadonlyMap<string, Message>
  /** Whether ids reaches the newest message, so that live ones join it. */
  readonly atEnd: boolean
  /** How many messages the channel had with the newest one known. */
  readonly n: number
  /** Grows when ids is replaced as a whole: pages asked for before belong to another window. */
  readonly generation: number
}

export const emptyWindow: ChannelWindow = {
  r: 0,
  base: 0,
  seen: 0,
  asks: true,
  loaded: false,
  ids: [],
  states: new Map(),
  atEnd: true,
  n: 0,
  generation: 0,
}

/** An answer about a channel, asked for or not. */
export interface Delta {
  readonly reset: boolean
  readonly head: number
  readonly entries: readonly Entry[]
  readonly answer: boolean
}

/** Where a page of history goes. */
export type Edge = 'older' | 'newer' | 'replace'

/** A page with what it was asked for: it may come too late. */
export interface PageAnswer {
  readonly edge: Edge
  /** The window's generation when the page was asked for. */
  readonly generation: number
  /** The id at the edge when it was asked for; "" for replace. */
  readonly anchor: string
  readonly page: Page
}

/** Whether the window reaches the channel's first message. n counts from 1, deleted messages included. */
export function atStart(window: ChannelWindow): boolean {
  const first = window.ids[0]
  if (first === undefined) return window.loaded && window.atEnd
  return (window.states.get(first)?.n ?? 0) <= 1
}

const newer = (known: Message | undefined, found: Message) => known === undefined || found.v > known.v

/** Applies entries in order; only the one that follows r counts, anything else is skipped. */
export function applyEntries(window: ChannelWindow, entries: readonly Entry[]): ChannelWindow {
  let { r, seen, n } = window
  const states = new Map(window.states)
  const ids = [...window.ids]
  for (const entry of entries) {
    seen = Math.max(seen, entry.r)
    if (entry.r !== r + 1) continue
    r = entry.r
    const { message } = entry
    if (newer(states.get(message.id), message)) states.set(message.id, message)
    if (entry.kind !== 'create') continue
    n = Math.max(n, message.n)
    const last = ids.at(-1)
    if (window.atEnd && (last === undefined || compareIds(message.id, last) > 0)) ids.push(message.id)
  }
  if (r === window.r && seen === window.seen) return window
  return { ...window, r, seen, n, ids, states }
}

/** Applies an answer: what follows r, or a page that replaces the window. */
export function applyDelta(window: ChannelWindow, delta: Delta): ChannelWindow {
  const asks = window.asks && !delta.answer
  const settled = { ...window, asks, seen: Math.max(window.seen, delta.head) }
  // Not a reset, or no news: the window stands as it is. From r 0 on it is then the whole channel.
  const whole = { ...settled, loaded: window.loaded || window.base === 0 }
  if (!delta.reset) return applyEntries(whole, delta.entries)
  if (delta.head <= window.r) return whole
  const messages = delta.entries.map((entry) => entry.message).sort((a, b) => compareIds(a.id, b.id))
  // Without messages it only says where the log stands: they are read when the channel is opened.
  const loaded = messages.length > 0
  return {
    ...settled,
    r: delta.head,
    base: delta.head,
    ids: messages.map((message) => message.id),
    states: new Map(messages.map((message) => [message.id, message])),
    loaded,
    atEnd: loaded,
    n: messages.at(-1)?.n ?? window.n,
    generation: window.generation + 1,
  }
}

/** Why a page was not merged: it is for another window, or older than what the window stands on. */
export type PageRefusal = 'other-window' | 'too-old'

/** Whether a page may be merged. A page that is too old is worth asking for again. */
export function refusePage(window: ChannelWindow, answer: PageAnswer): PageRefusal | null {
  if (answer.generation !== window.generation) return 'other-window'
  if (answer.edge === 'older' && answer.anchor !== window.ids[0]) return 'other-window'
  if (answer.edge === 'newer' && answer.anchor !== window.ids.at(-1)) return 'other-window'
  return answer.page.head < window.base ? 'too-old' : null
}

/** Merges a page at the edge that it was asked for. */
export function mergePage(window: ChannelWindow, answer: PageAnswer): ChannelWindow {
  if (refusePage(window, answer) !== null) return window
  const { page, edge } = answer
  const states = new Map(window.states)
  for (const message of page.messages) if (newer(states.get(message.id), message)) states.set(message.id, message)
  const found = page.messages.map((message) => message.id).sort(compareIds)
  const n = page.messages.reduce((most, message) => Math.max(most, message.n), window.n)
  const seen = Math.max(window.seen, page.head)
  if (edge === 'older') return { ...window, states, seen, n, ids: [...found, ...window.ids] }

  const ids = edge === 'newer' ? [...window.ids, ...found] : found
  const generation = edge === 'replace' ? window.generation + 1 : window.generation
  const atEnd = !page.has_after
  return { ...window, states, seen, n, generation, atEnd, loaded: true, ids: atEnd ? withLater(ids, states) : ids }
}

/** The page that reached the end may be older than r: what came live since then follows it. */
function withLater(ids: readonly string[], states: ReadonlyMap<string, Message>): string[] {
  const last = ids.at(-1)
  const later = [...states.keys()].filter((id) => last === undefined || compareIds(id, last) > 0)
  return [...ids, ...later.sort(compareIds)]
}

/**
 * Keeps the newest messages only. What is forgotten was known up to r, so the window stands on r from now on:
 * a page read before that must not be merged any more.
 */
export function trimWindow(window: ChannelWindow, keep: number): ChannelWindow {
  if (!window.atEnd || window.ids.length <= keep) return window
  const ids = window.ids.slice(-keep)
  const kept = ids.map((id) => [id, window.states.get(id)] as const)
  const states = new Map(kept.filter((pair): pair is readonly [string, Message] => pair[1] !== undefined))
  return { ...window, ids, states, base: window.r, generation: window.generation + 1 }
}

/** Whether the newest messages are to be read before the channel can be shown. */
export const mustLoad = (window: ChannelWindow): boolean => !window.loaded && !window.asks

/** Whether the log holds more than was applied, and nobody asked yet. */
export const mustAsk = (window: ChannelWindow): boolean => window.r < window.seen && !window.asks
