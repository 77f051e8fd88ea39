/**
 * Which stretch of a channel's window is in the document: at most MAX_ROWS rows, grown at the end that is being
 * read and cut at the other. Held by message ids, so that history arriving above moves nothing. Pure.
 */
import { compareIds } from '@/lib/wire/ids'

export interface Stretch {
  /** The first message shown; null for as many as a first screen needs. */
  readonly top: string | null
  /** The last message shown; null follows the newest. */
  readonly bottom: string | null
}

export const MAX_ROWS = 200
const STEP = 50
/** Rows of a first screen. */
const FIRST = 60

export const following: Stretch = { top: null, bottom: null }

/** The place of an id in ascending ids, or where it would stand. */
export function placeOf(ids: readonly string[], id: string): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareIds(ids[middle] ?? '', id) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The stretch as indexes, from inclusive, to exclusive. */
export function boundsOf(stretch: Stretch, ids: readonly string[]): { from: number; to: number } {
  const last = stretch.bottom === null ? ids.length : placeOf(ids, stretch.bottom) + 1
  const to = Math.min(last, ids.length)
  const from = stretch.top === null ? to - FIRST : placeOf(ids, stretch.top)
  return { from: Math.max(0, from, to - MAX_ROWS), to }
}

/** The stretch with older messages; what falls off the far end stays in the store. */
export function older(stretch: Stretch, ids: readonly string[]): Stretch {
  const { from, to } = boundsOf(stretch, ids)
  const start = Math.max(0, from - STEP)
  return between(ids, start, Math.min(to, start + MAX_ROWS))
}

/** The stretch with newer messages. */
export function newer(stretch: Stretch, ids: readonly string[]): Stretch {
  const { from, to } = boundsOf(stretch, ids)
  const end = Math.min(ids.length, to + STEP)
  return between(ids, Math.max(from, end - MAX_ROWS), end)
}

/** The stretch around one message. */
export function around(ids: readonly string[], id: string): Stretch {
  const at = placeOf(ids, id)
  return between(ids, Math.max(0, at - FIRST), Math.min(ids.length, at + FIRST))
}

function between(ids: readonly string[], from: number, to: number): Stretch {
  return { top: ids[from] ?? null, bottom: ids[to - 1] ?? null }
}
