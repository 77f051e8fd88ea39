/**
 * Carries the outbox out: one change at a time per channel, in order, with the same nonce until the outcome is
 * known. What is sent while the connection is away waits for it.
 */
import type { Api } from '@/lib/api/client'
import { asProblem, type Problem } from '@/lib/api/problem'
import type { Message } from '@/lib/wire/objects'
import type { Pending } from './state'
import type { Store } from './store'

export interface SenderDeps {
  api: Pick<Api, 'sendMessage' | 'editMessage' | 'deleteMessage'>
  store: Store
  /** In [0, 1). */
  random(): number
  /** Told when the server asks for patience, in seconds. */
  onLimited(seconds: number): void
}

/** Tries with an unknown outcome before the user is asked; a 429 is no such try, its outcome is known. */
const MAX_TRIES = 5
const FIRST_WAIT = 500

export class Sender {
  private readonly deps: SenderDeps
  private readonly busy = new Set<string>()
  private readonly naps = new Set<() => void>()

  constructor(deps: SenderDeps) {
    this.deps = deps
  }

  /** The connection is back: what sleeps between two tries need not sleep on. */
  resume(): void {
    for (const wake of this.naps) wake()
    this.flush()
  }

  /** Starts whatever waits, in every channel. */
  flush(): void {
    for (const channelId of Object.keys(this.deps.store.getState().outbox)) void this.drain(channelId)
  }

  private async drain(channelId: string): Promise<void> {
    if (this.busy.has(channelId)) return
    this.busy.add(channelId)
    try {
      for (let next = this.next(channelId); next !== undefined; next = this.next(channelId))
        await this.carryOut(channelId, next)
    } finally {
      this.busy.delete(channelId)
    }
  }

  private next(channelId: string): Pending | undefined {
    if (this.deps.store.getState().phase !== 'online') return undefined
    return this.deps.store.getState().outbox[channelId]?.find((pending) => pending.status === 'waiting')
  }

  /** Whether the change still waits: the log, or a removed channel, may have settled it meanwhile. */
  private waits(channelId: string, nonce: string): boolean {
    return (
      this.deps.store.getState().outbox[channelId]?.some((p) => p.nonce === nonce && p.status === 'waiting') ?? false
    )
  }

  private async carryOut(channelId: string, pending: Pending): Promise<void> {
    const { nonce } = pending
    for (let tries = 1; this.waits(channelId, nonce); ) {
      try {
        return this.deps.store.dispatch({
          type: 'acked',
          channelId,
          nonce,
          message: await this.request(channelId, pending),
        })
      } catch (error) {
        const problem = asProblem(error)
        if (problem.code === 'rate_limited') {
          this.deps.onLimited(problem.retryAfter)
          // Not to be woken: the server would only refuse again.
          await new Promise((resolve) => setTimeout(resolve, Math.max(problem.retryAfter, 1) * 1000))
        } else if (problem.unknownOutcome && tries < MAX_TRIES) {
          // Offline, the next try is due when the connection is back, and that one is the first again.
          if (this.deps.store.getState().phase !== 'online') return
          await this.nap(this.deps.random() * FIRST_WAIT * 2 ** tries)
          tries++
        } else {
          return this.refused(channelId, pending, problem)
        }
      }
    }
  }

  private request(channelId: string, { kind, messageId, content, nonce }: Pending): Promise<Message | null> {
    const { api } = this.deps
    if (kind === 'create') return api.sendMessage(channelId, content, nonce)
    if (kind === 'edit') return api.editMessage(channelId, messageId, content, nonce)
    return api.deleteMessage(channelId, messageId, nonce).then(() => null)
  }

  private refused(channelId: string, pending: Pending, problem: Problem): void {
    const { nonce } = pending
    // Gone already is what a delete wanted.
    if (pending.kind === 'delete' && problem.code === 'message_not_found') {
      this.deps.store.dispatch({ type: 'acked', channelId, nonce, message: null })
    } else if (problem.code === 'channel_not_found' && this.deps.store.getState().channels[channelId] === undefined) {
      // Kept over a reload, and the channel went meanwhile: nobody could decide on it, so it goes too.
      this.deps.store.dispatch({ type: 'dropped', channelId, nonce })
    } else {
      this.deps.store.dispatch({ type: 'failed', channelId, nonce, problem })
    }
  }

  /** Sleeps, or until the connection is back. */
  private nap(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.naps.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.naps.add(wake)
    })
  }
}
