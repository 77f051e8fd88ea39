/** What the message list shows, in order: messages, their grouping, day dividers, and the line before the new ones. */
import type { Message } from '@/lib/wire/objects'
import type { Pending } from './state'
import { atStart, type ChannelWindow } from './window'

export type Row =
  | { kind: 'day'; key: string; at: number; isNew: boolean }
  | { kind: 'new'; key: string }
  | { kind: 'message'; key: string; message: Message; first: boolean }
  | { kind: 'pending'; key: string; pending: Pending; first: boolean }

/** Messages of one author this close together form one group. */
export const GROUP_FOR = 7 * 60_000

export interface RowsInput {
  readonly window: ChannelWindow
  /** Indexes into window.ids: the stretch to show. */
  readonly from: number
  readonly to: number
  readonly pending: readonly Pending[]
  readonly newAfter: number | null
  readonly me: string
}

interface Above {
  author: string
  at: number
  day: string
  /** Whether a message of the same author may go below without a heading. */
  open: boolean
}

/** Which local day an instant lies on. */
const dayOf = (at: number) => new Date(at).toDateString()

const isNewTo = (me: string, message: Message, newAfter: number) => message.n > newAfter && message.author_id !== me

/**
 * Whether the line before the first new message stands above the stretch: before a message that is cut there, or
 * one that was not loaded yet. A stretch that begins among new messages must not draw it at its own edge.
 */
function firstNewIsAbove(window: ChannelWindow, from: number, newAfter: number, me: string): boolean {
  const at = (i: number) => window.states.get(window.ids[i] ?? '')
  if (!atStart(window) && (at(0)?.n ?? 0) > newAfter + 1) return true
  for (let i = from - 1; i >= 0; i--) {
    const message = at(i)
    if (message === undefined) continue
    if (isNewTo(me, message, newAfter)) return true
    if (message.n <= newAfter) return false
  }
  return false
}

/** Lists the rows of a stretch of a window. Deterministic but for the time zone. */
export function rowsOf({ window, from, to, pending, newAfter, me }: RowsInput): Row[] {
  const rows: Row[] = []
  let above: Above | null = null
  let newShown = newAfter === null || firstNewIsAbove(window, from, newAfter, me)

  const place = (author: string, at: number, isNew: boolean, key: string): boolean => {
    const day = dayOf(at)
    const newDay = day !== above?.day
    const startsNew = isNew && !newShown
    if (startsNew) newShown = true
    if (newDay) rows.push({ kind: 'day', key: `day ${key}`, at, isNew: startsNew })
    else if (startsNew) rows.push({ kind: 'new', key: `new ${key}` })
    const first =
      newDay || startsNew || above === null || !above.open || above.author !== author || at - above.at > GROUP_FOR
    above = { author, at, day, open: true }
    return first
  }

  for (const id of window.ids.slice(from, to)) {
    const message = window.states.get(id)
    if (message === undefined) continue
    const at = message.created_at === null ? 0 : Date.parse(message.created_at)
    const isNew = newAfter !== null && isNewTo(me, message, newAfter)
    const first = place(message.author_id, at, isNew, id)
    // The nonce, so that a message does not become another row when the log confirms it.
    const key = message.author_id === me && message.nonce !== '' ? message.nonce : id
    rows.push({ kind: 'message', key, message, first: first && !message.deleted })
    // A gap shows that something stood here: what follows it starts with its author's name.
    if (message.deleted && above !== null) above = { ...(above as Above), open: false }
  }
  if (to < window.ids.length || !window.atEnd) return rows
  for (const change of pending) {
    if (change.kind !== 'create') continue
    rows.push({ kind: 'pending', key: change.nonce, pending: change, first: place(me, change.at, false, change.nonce) })
  }
  return rows
}
