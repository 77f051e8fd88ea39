/**
 * Who is signed in, in this tab and together with the others.
 *
 * Tokens live in memory only. A new tab asks the others over a BroadcastChannel; a reload goes through the
 * provider with prompt=none; one refresh over all tabs, since each refresh token works once and its reuse
 * ends the session. What is kept in storage is worth nothing to a thief: the attempts of sign-ins on their way,
 * that someone was signed in here (a flag), and how often the tokens were renewed (a number).
 */
import { Attempts } from './attempts'
import { AuthError, authorize, endSession, exchange, type Provider, refresh, type Tokens } from './oidc'

/** What the tabs say to each other. */
type Talk = { say: 'ask' } | { say: 'tokens'; tokens: Tokens } | { say: 'bye' }

/** What a session needs of a BroadcastChannel. */
export interface TabChannel {
  postMessage(talk: unknown): void
  addEventListener(type: 'message', fn: (event: { data: unknown }) => void): void
}

export interface SessionDeps {
  provider(): Promise<Provider>
  /** Shared by the tabs. */
  browser: Storage
  channel: TabChannel
  /** Runs work while no other tab runs any: Web Locks. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
  /** Leaves the page. */
  go(url: string): void
  /** The address of our root, for coming back after sign-out. */
  home: string
  now(): number
}

export type SessionState = 'restoring' | 'signed-out' | 'signed-in'

const KNOWN = 'beep:signed-in'
const RENEWALS = 'beep:renewals'
/** Long enough for a busy tab to answer, short enough not to be felt. */
const PEER_WAIT = 250

export class Session {
  private readonly deps: SessionDeps
  private readonly attempts: Attempts
  private tokens: Tokens | null = null
  private renewals = 0
  private pending: Promise<Tokens> | null = null
  private readonly waiting = new Set<(tokens: Tokens) => void>()
  private readonly listeners = new Set<() => void>()
  private current: SessionState = 'restoring'

  constructor(deps: SessionDeps) {
    this.deps = deps
    this.attempts = new Attempts(deps.browser, deps.now)
    // Only our own tabs can speak here: a channel is of one origin.
    deps.channel.addEventListener('message', ({ data }) => this.hear(data as Talk))
  }

  get state(): SessionState {
    return this.current
  }

  /** Calls fn after each change of state, until the returned function is called. */
  subscribe(fn: () => void): () => void {
    this.listeners.add(fn)
    return () => this.listeners.delete(fn)
  }

  /**
   * Finds out who is here when the page opens. At the callback it finishes the sign-in and answers where to
   * go; elsewhere it answers null, or leaves the page to ask the provider without a question (then "leaving").
   */
  async restore(here: URL): Promise<{ returnTo: string; error: string | null } | 'leaving' | null> {
    if (here.pathname === '/callback') return this.finish(here)
    const peer = await this.askPeers()
    if (peer !== null) {
      this.adopt(peer)
      return null
    }
    if (this.deps.browser.getItem(KNOWN) === null) {
      this.become('signed-out')
      return null
    }
    await this.leave(here.pathname + here.search + here.hash, { prompt: 'none' })
    return 'leaving'
  }

  /** Sends the person to the provider; returnTo is a path of ours. */
  async login(returnTo: string): Promise<void> {
    await this.leave(returnTo, {})
  }

  /** Sends the person to the provider for one account action, such as UPDATE_PASSWORD. */
  async action(name: string, returnTo: string): Promise<void> {
    await this.leave(returnTo, { kc_action: name })
  }

  /** Signs out here, in every tab, and at the provider. */
  async logout(): Promise<void> {
    const idToken = this.tokens?.idToken ?? null
    this.say({ say: 'bye' })
    this.attempts.clear()
    this.forget()
    this.deps.browser.removeItem(RENEWALS)
    const provider = await this.deps.provider().catch(() => null)
    const url = provider === null ? null : endSession(provider, idToken, this.deps.home)
    this.deps.go(url ?? this.deps.home)
  }

  /**
   * An access token that is good for a while. fresh asks for another than the present one, after that one was
   * refused. Throws AuthError when nobody is signed in any more.
   */
  async token(fresh = false): Promise<string> {
    const tokens = this.tokens
    if (tokens === null) throw new AuthError('signed_out')
    if (!fresh && tokens.renewAt > this.deps.now()) return tokens.access
    this.pending ??= this.renew(tokens).finally(() => {
      this.pending = null
    })
    return (await this.pending).access
  }

  private async renew(old: Tokens): Promise<Tokens> {
    const generation = this.renewals
    return this.deps.exclusively(async () => {
      // Another tab may have renewed while this one waited for its turn. The shared number tells, even
      // before that tab's message arrives; the message itself brings the tokens.
      if (this.tokens !== null && this.tokens !== old) return this.tokens
      if (this.sharedRenewals() !== generation) {
        const peer = await this.askPeers()
        if (peer !== null && peer.access !== old.access) return this.adopt(peer)
      }
      try {
        const tokens = await refresh(await this.deps.provider(), old, this.deps.now())
        this.deps.browser.setItem(RENEWALS, String(this.sharedRenewals() + 1))
        this.say({ say: 'tokens', tokens })
        return this.adopt(tokens)
      } catch (error) {
        if (error instanceof AuthError) this.forget()
        throw error
      }
    })
  }

  private async finish(here: URL): Promise<{ returnTo: string; error: string | null }> {
    const attempt = this.attempts.take(here.searchParams.get('state') ?? '')
    if (attempt === null) return this.finishNothing()
    try {
      const tokens = await exchange(await this.deps.provider(), attempt, here, this.deps.now())
      this.deps.browser.setItem(KNOWN, '1')
      this.adopt(tokens)
      this.say({ say: 'tokens', tokens })
      return { returnTo: attempt.returnTo, error: null }
    } catch (error) {
      this.forget()
      const code = error instanceof AuthError ? error.code : 'network'
      // Nobody signed in at the provider is no error: the page shows its signed-out face.
      return { returnTo: attempt.returnTo, error: code === 'login_required' ? null : code }
    }
  }

  /** A callback without its attempt: used already, too old, or not ours. Whoever is signed in beside it stays so. */
  private async finishNothing(): Promise<{ returnTo: string; error: string | null }> {
    const peer = await this.askPeers()
    if (peer === null) this.become('signed-out')
    else this.adopt(peer)
    return { returnTo: '/', error: peer === null ? 'no_attempt' : null }
  }

  private async leave(returnTo: string, extra: Record<string, string>): Promise<void> {
    const { url, attempt } = await authorize(await this.deps.provider(), returnTo, extra)
    this.attempts.keep(attempt)
    this.deps.go(url)
  }

  private askPeers(): Promise<Tokens | null> {
    return new Promise((resolve) => {
      const answer = (tokens: Tokens | null) => {
        clearTimeout(timer)
        this.waiting.delete(answer)
        resolve(tokens)
      }
      const timer = setTimeout(() => answer(null), PEER_WAIT)
      this.waiting.add(answer)
      this.say({ say: 'ask' })
    })
  }

  private say(talk: Talk): void {
    this.deps.channel.postMessage(talk)
  }

  private hear(talk: Talk): void {
    switch (talk.say) {
      case 'ask':
        if (this.tokens !== null) this.say({ say: 'tokens', tokens: this.tokens })
        return
      case 'tokens': {
        for (const answer of [...this.waiting]) answer(talk.tokens)
        // The later end is the newer token: a late echo of an old one must not replace it.
        if (this.current === 'signed-in' && talk.tokens.expiresAt > (this.tokens?.expiresAt ?? 0))
          this.adopt(talk.tokens)
        return
      }
      case 'bye':
        this.forget()
    }
  }

  private adopt(tokens: Tokens): Tokens {
    this.tokens = tokens
    this.renewals = this.sharedRenewals()
    this.become('signed-in')
    return tokens
  }

  private forget(): void {
    this.tokens = null
    this.deps.browser.removeItem(KNOWN)
    this.become('signed-out')
  }

  private become(state: SessionState): void {
    if (this.current === state) return
    this.current = state
    for (const fn of this.listeners) fn()
  }

  private sharedRenewals(): number {
    return Number(this.deps.browser.getItem(RENEWALS) ?? 0)
  }
}
