/**
 * The outbox as this device keeps it over a reload or a crash. What is read back is tried again with the same
 * nonce, which is why it may have happened already: the log answers each nonce once. Every change lies under a
 * key of its own, so that tabs never overwrite each other's.
 */
import * as v from 'valibot'
import { Problem } from '@/lib/api/problem'
import { keysOf, put } from '@/lib/storage/keys'
import type { Pending, State } from './state'

export const OUTBOX_PREFIX = 'beep:outbox:'
/** More than anyone writes while offline; beyond it changes last as long as their tab. */
const MOST = 200
/** What was written longer ago than this may not be meant any more: the user decides. */
const SURE_FOR = 60 * 60_000
/** What nobody decided on in this time, in a channel that is gone for instance, is dropped. */
const KEPT_FOR = 7 * 24 * 60 * 60_000

const schema = v.object({
  channelId: v.string(),
  kind: v.picklist(['create', 'edit', 'delete']),
  messageId: v.string(),
  content: v.string(),
  at: v.number(),
  /** Whether it is to be tried again without a question. */
  waiting: v.boolean(),
  problem: v.nullable(v.object({ code: v.string(), status: v.number() })),
  /** Where it stands among the others. */
  place: v.number(),
})

type Outbox = State['outbox']

/** A change together with its channel. */
export interface Restored {
  readonly channelId: string
  readonly pending: Pending
}

export class KeptOutbox {
  private readonly storage: Storage
  private last = 0

  constructor(storage: Storage) {
    this.storage = storage
  }

  /** Writes down how one outbox became another. */
  save(userId: string, before: Outbox, after: Outbox): void {
    const old = byNonce(before)
    const now = byNonce(after)
    for (const nonce of old.keys()) if (!now.has(nonce)) this.storage.removeItem(keyOf(userId, nonce))
    for (const [nonce, { channelId, pending }] of now) {
      if (old.get(nonce)?.pending !== pending) this.put(userId, channelId, pending)
    }
  }

  /** What was kept for a user, in the order in which it was written. Damage is dropped. */
  load(userId: string, now: number): Restored[] {
    const prefix = keyOf(userId, '')
    const found = keysOf(this.storage, prefix).flatMap((key) => {
      const kept = parse(this.storage.getItem(key))
      if (kept !== null && now - kept.at <= KEPT_FOR) return [{ ...kept, nonce: key.slice(prefix.length) }]
      this.storage.removeItem(key)
      return []
    })
    return found
      .toSorted((a, b) => a.place - b.place)
      .map(({ channelId, place: _, waiting, problem, ...change }) => {
        const tried = waiting && now - change.at <= SURE_FOR
        const reason = problem === null ? null : new Problem(problem.code, problem.status)
        return { channelId, pending: { ...change, status: tried ? 'waiting' : 'failed', problem: reason, v: 0 } }
      })
  }

  private put(userId: string, channelId: string, pending: Pending): void {
    const { nonce, kind, messageId, content, at, status, problem } = pending
    const key = keyOf(userId, nonce)
    const place = parse(this.storage.getItem(key))?.place
    if (place === undefined && keysOf(this.storage, keyOf(userId, '')).length >= MOST) return
    // Several in one millisecond keep their order.
    this.last = Math.max(this.last + 1, at)
    const kept: v.InferOutput<typeof schema> = {
      ...{ channelId, kind, messageId, content, at, place: place ?? this.last },
      waiting: status !== 'failed',
      problem: problem === null ? null : { code: problem.code, status: problem.status },
    }
    put(this.storage, key, JSON.stringify(kept))
  }
}

/** The nonce that a storage key of this user's outbox names; null for any other key. */
export function nonceOf(userId: string, key: string | null): string | null {
  const prefix = keyOf(userId, '')
  return key?.startsWith(prefix) ? key.slice(prefix.length) : null
}

const keyOf = (userId: string, nonce: string) => `${OUTBOX_PREFIX}${userId}:${nonce}`

function byNonce(outbox: Outbox): Map<string, Restored> {
  const all = Object.entries(outbox).flatMap(([channelId, list]) => list.map((pending) => ({ channelId, pending })))
  return new Map(all.map((one) => [one.pending.nonce, one]))
}

function parse(text: string | null): v.InferOutput<typeof schema> | null {
  try {
    const parsed = v.safeParse(schema, JSON.parse(text ?? ''))
    return parsed.success ? parsed.output : null
  } catch {
    return null
  }
}
