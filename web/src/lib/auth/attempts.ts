/**
 * The sign-ins on their way, for whichever tab they end in: the confirmation link of a sign-up is opened by a mail
 * program, in a tab that started nothing. Each lies under a key of its own, named by its state, so that tabs never
 * overwrite each other's. An attempt is good once, and worth nothing without the code that the provider gives.
 */
import { keysOf, removeAll } from '../storage/keys'
import type { Attempt } from './oidc'

const PREFIX = 'beep:attempt:'
/** As long as a person may take for a sign-up and its letter. */
const MAX_AGE = 30 * 60_000
/** Tabs that nobody comes back to leave their attempts here: the oldest give way. */
const MOST = 10

interface Kept {
  readonly attempt: Attempt
  /** When it began. */
  readonly at: number
}

export class Attempts {
  private readonly storage: Storage
  private readonly now: () => number

  constructor(storage: Storage, now: () => number) {
    this.storage = storage
    this.now = now
  }

  /** Remembers an attempt, and forgets those that are too old or too many. */
  keep(attempt: Attempt): void {
    const kept = keysOf(this.storage, PREFIX).map((key) => ({ key, at: this.read(key)?.at ?? null }))
    const good = kept.filter(({ at }) => at !== null).sort((a, b) => (b.at ?? 0) - (a.at ?? 0))
    const staying = new Set(good.slice(0, MOST - 1).map(({ key }) => key))
    for (const { key } of kept) if (!staying.has(key)) this.storage.removeItem(key)
    this.storage.setItem(PREFIX + attempt.state, JSON.stringify({ attempt, at: this.now() }))
  }

  /** The attempt of that state, which is used up by this; null when there is none that is still good. */
  take(state: string): Attempt | null {
    const key = PREFIX + state
    const kept = this.read(key)
    this.storage.removeItem(key)
    return kept !== null && kept.attempt.state === state ? kept.attempt : null
  }

  /** Forgets all of them. */
  clear(): void {
    removeAll(this.storage, PREFIX)
  }

  private read(key: string): Kept | null {
    const kept = parse(this.storage.getItem(key))
    // A clock that was set back makes none of them good for longer.
    return kept === null || Math.abs(this.now() - kept.at) > MAX_AGE ? null : kept
  }
}

/** Only a path of ours may be returned to: storage is no place to trust. */
function parse(text: string | null): Kept | null {
  try {
    const { attempt, at } = JSON.parse(text ?? '')
    const { state, verifier, nonce, returnTo } = attempt
    const strings = [state, verifier, nonce, returnTo].every((part) => typeof part === 'string')
    if (!strings || typeof at !== 'number' || !/^\/(?![/\\])/.test(returnTo)) return null
    return { attempt: { state, verifier, nonce, returnTo }, at }
  } catch {
    return null
  }
}
