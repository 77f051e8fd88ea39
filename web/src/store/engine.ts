/**
 * Ties store, API and socket together: what the user does becomes events and requests, what the server says
 * becomes events and, where something is missing, questions. No rule of the state lives here.
 */
import type { Api } from '@/lib/api/client'
import type { Phase } from '@/lib/rt/machine'
import type { ClientFrame, ServerFrame } from '@/lib/wire/frames'
import { newNonce } from '@/lib/wire/ids'
import { claimAccount, forgetAccount } from './account-data'
import type { StoreEvent } from './apply'
import { forgetDraft } from './drafts'
import { KeptOutbox, nonceOf } from './kept-outbox'
import { Pages } from './pages'
import { Profiles } from './profiles'
import { loadReads, saveReads } from './reads'
import { Sender } from './sender'
import type { Pending } from './state'
import type { Store } from './store'
import { TypingTeller } from './typing-teller'
import { mustAsk, mustLoad } from './window'

export interface EngineDeps {
  api: Api
  store: Store
  /** Sends a frame if the socket is up, and says whether it did. */
  tell(frame: ClientFrame): boolean
  storage: Storage
  now(): number
  random(): number
  /** Told when the server asks for patience, in seconds. */
  onLimited(seconds: number): void
}

/** The server refuses frames over 16 KiB; a window that is left out is resumed from its beginning, no less exactly. */
const IDENTIFY_BYTES = 12_000
const FILL_AGAIN = 2_000
/** What a channel keeps of its history when it leaves the screen. */
const KEEP_HIDDEN = 100

export class Engine {
  private readonly deps: EngineDeps
  private readonly sender: Sender
  private readonly kept: KeptOutbox
  private readonly profiles: Profiles
  private readonly pages: Pages
  private readonly teller: TypingTeller
  private quietTimer: ReturnType<typeof setTimeout> | null = null

  constructor(deps: EngineDeps) {
    this.deps = deps
    this.sender = new Sender(deps)
    this.kept = new KeptOutbox(deps.storage)
    this.teller = new TypingTeller(deps.now, (channelId) => deps.tell({ op: 'typing', d: { channel_id: channelId } }))
    this.profiles = new Profiles({
      api: deps.api,
      known: (id) => deps.store.getState().users[id] !== undefined,
      onUsers: (users) => this.dispatch({ type: 'users', users }),
    })
    this.pages = new Pages({
      api: deps.api,
      store: deps.store,
      dispatch: (event) => this.dispatch(event),
      want: (ids) => this.profiles.want(ids),
    })
    deps.store.subscribe((state, before) => {
      if (state.me !== null && state.outbox !== before.outbox) this.kept.save(state.me.id, before.outbox, state.outbox)
    })
  }

  // What the connection says.
  onFrame(frame: ServerFrame): void {
    const { store, storage } = this.deps
    if (frame.op === 'ready') {
      claimAccount(storage, frame.d.user.id)
      store.dispatch({ type: 'reads', reads: loadReads(storage, frame.d.user.id) })
    }
    if (frame.op === 'channel_removed') forgetDraft(storage, frame.d.channel_id)
    this.dispatch({ type: 'frame', frame, now: this.deps.now() })
    if (frame.op === 'ready') this.restore(frame.d.user.id)
    if (frame.op === 'entries' || frame.op === 'delta')
      this.profiles.want(frame.d.entries.map((entry) => entry.message.author_id))
    if (frame.op === 'member_updated') this.profiles.want([frame.d.member.user_id])
    if (frame.op === 'typing') this.awaitQuiet()
  }

  onPhase(phase: Phase): void {
    this.dispatch({ type: 'phase', phase })
    if (phase === 'online') this.sender.resume()
  }

  onSignedOut(): void {
    this.dispatch({ type: 'signed-out' })
    forgetAccount(this.deps.storage)
  }

  /** Another tab removed a key of the storage: a change that it settled or gave up is not to be sent from here. */
  onForgotten(key: string): void {
    const { me, outbox } = this.deps.store.getState()
    const nonce = me === null ? null : nonceOf(me.id, key)
    for (const [channelId, list] of Object.entries(outbox)) {
      if (nonce !== null && list.some((pending) => pending.nonce === nonce))
        this.dispatch({ type: 'dropped', channelId, nonce })
    }
  }

  /** Goes on with what a reload, a crash or a closed tab left unsent. */
  private restore(userId: string): void {
    this.dispatch({ type: 'restored', changes: this.kept.load(userId, this.deps.now()) })
    this.sender.flush()
  }

  /** The r of every window, for identify. */
  windows(): Record<string, number> {
    const result: Record<string, number> = {}
    let bytes = 0
    for (const [id, window] of Object.entries(this.deps.store.getState().windows)) {
      bytes += id.length + String(window.r).length + 4
      if (bytes > IDENTIFY_BYTES) break
      if (window.r > 0) result[id] = window.r
    }
    return result
  }

  // What is on the screen.
  open(channelId: string): void {
    this.dispatch({ type: 'view', channelId })
  }

  close(channelId: string): void {
    this.stopTyping()
    if (this.deps.store.getState().viewing?.channelId === channelId) this.dispatch({ type: 'view', channelId: null })
    this.dispatch({ type: 'trim', channelId, keep: KEEP_HIDDEN })
  }

  markRead(channelId: string): void {
    const { store, storage } = this.deps
    const { windows, me } = store.getState()
    this.dispatch({ type: 'read', channelId, n: windows[channelId]?.n ?? 0 })
    if (me !== null) saveReads(storage, me.id, store.getState().reads)
  }

  /** Reads history at one edge of the window. One request per edge at a time; answers whether it was merged. */
  loadEdge(channelId: string, edge: 'older' | 'newer'): Promise<boolean> {
    const anchor = this.deps.store.getState().windows[channelId]?.ids.at(edge === 'older' ? 0 : -1)
    if (anchor === undefined) return Promise.resolve(false)
    return this.pages.history(channelId, edge, anchor, edge === 'older' ? { before: anchor } : { after: anchor })
  }

  /** Replaces the window by the messages around one. */
  loadAround(channelId: string, messageId: string): Promise<boolean> {
    return this.pages.history(channelId, 'replace', '', { around: messageId })
  }

  /** Replaces the window by the newest page. */
  loadNewest(channelId: string): Promise<boolean> {
    return this.pages.history(channelId, 'replace', '', {})
  }

  /** Reads the next page of members, and further ones up to a bound. */
  loadMembers(serverId: string): Promise<void> {
    return this.pages.members(serverId)
  }

  /** Gets the profiles of people whom no frame named, such as those who have left. */
  wantUsers(ids: readonly string[]): void {
    this.profiles.want(ids)
  }

  // What the user writes.
  send(channelId: string, content: string): void {
    this.queue(channelId, { kind: 'create', messageId: '', content })
  }

  edit(channelId: string, messageId: string, content: string): void {
    this.queue(channelId, { kind: 'edit', messageId, content })
  }

  remove(channelId: string, messageId: string): void {
    this.queue(channelId, { kind: 'delete', messageId, content: '' })
  }

  retry(channelId: string, nonce: string): void {
    this.dispatch({ type: 'retried', channelId, nonce })
    this.sender.flush()
  }

  discard(channelId: string, nonce: string): void {
    this.dispatch({ type: 'dropped', channelId, nonce })
  }

  typing(channelId: string): void {
    this.teller.typing(channelId)
  }

  stopTyping(): void {
    this.teller.stop()
  }

  private queue(channelId: string, change: Pick<Pending, 'kind' | 'messageId' | 'content'>): void {
    const pending: Pending = {
      ...change,
      nonce: newNonce(),
      at: this.deps.now(),
      status: 'waiting',
      problem: null,
      v: 0,
    }
    this.dispatch({ type: 'queued', channelId, pending })
    if (change.kind === 'create') this.stopTyping()
    this.sender.flush()
  }

  private dispatch(event: StoreEvent): void {
    this.deps.store.dispatch(event)
    this.chase()
  }

  /** Asks for what the log is known to hold and the windows do not. */
  private chase(): void {
    const { store, tell } = this.deps
    for (const [channelId, window] of Object.entries(store.getState().windows)) {
      if (!mustAsk(window)) continue
      const sent = tell({ op: 'since', d: { channel_id: channelId, r: window.r } })
      if (sent) store.dispatch({ type: 'asked', channelId })
    }
    this.fill()
  }

  /** Reads the newest messages of the channel on the screen, if they are not here; until it succeeds. */
  private fill(): void {
    const { viewing, windows, phase } = this.deps.store.getState()
    const window = viewing === null ? undefined : windows[viewing.channelId]
    if (viewing === null || window === undefined || !mustLoad(window) || phase !== 'online') return
    this.loadNewest(viewing.channelId).catch(() => setTimeout(() => this.fill(), FILL_AGAIN))
  }

  /** Ends "is typing" on time, without an event from outside. */
  private awaitQuiet(): void {
    if (this.quietTimer !== null) return
    const until = Object.values(this.deps.store.getState().typing).flatMap((users) => Object.values(users))
    if (until.length === 0) return
    const wait = Math.max(Math.min(...until) - this.deps.now(), 50)
    this.quietTimer = setTimeout(() => {
      this.quietTimer = null
      this.dispatch({ type: 'quiet', now: this.deps.now() })
      this.awaitQuiet()
    }, wait)
  }
}
