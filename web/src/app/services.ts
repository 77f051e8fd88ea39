/** Puts the client together: the one place where the parts meet the browser. */
import { createApi } from '@/lib/api/client'
import { discover, type Provider } from '@/lib/auth/oidc'
import { Session } from '@/lib/auth/session'
import { i18n } from '@/lib/i18n/i18n'
import { RealtimeClient } from '@/lib/rt/client'
import { Engine } from '@/store/engine'
import type { Services } from '@/store/hooks'
import { forgetPlaces, newPreferences } from '@/store/preferences'
import { ScrollMemory } from '@/store/scroll-memory'
import { newStage } from '@/store/stage'
import { newStore } from '@/store/store'
import type { Config } from './config'

/** Runs work under the browser's lock of that name, which all tabs share. */
async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  // Locks need a secure context, which every address that a provider accepts is.
  return await navigator.locks.request('beep:refresh', work)
}

/** Asked once; a failure is not remembered. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null
      throw error
    })
    return made
  }
}

/** Makes everything; nothing runs before start. */
export function createServices(config: Config): Services {
  const { origin } = location
  const provider = once<Provider>(() =>
    discover({ issuer: config.issuer, clientId: config.client_id, redirectUri: `${origin}/callback` }),
  )
  const session = new Session({
    provider,
    browser: localStorage,
    channel: new BroadcastChannel('beep:session'),
    exclusively,
    go: (url) => location.assign(url),
    home: `${origin}/`,
    now: Date.now,
  })
  const store = newStore()
  const stage = newStage()
  const token = (fresh: boolean) => (session.state === 'signed-in' ? session.token(fresh) : Promise.resolve(null))
  const api = createApi({ origin, token, fetch: (request) => fetch(request) })
  // The engine speaks through the socket, and the socket reports to the engine: one of them comes first.
  const engine: Engine = new Engine({
    api,
    store,
    storage: localStorage,
    tell: (frame) => realtime.send(frame),
    now: Date.now,
    random: Math.random,
    onLimited: (seconds) => stage.getState().toast(i18n._('limited', { seconds })),
  })
  const realtime: RealtimeClient = new RealtimeClient({
    connect: () => new WebSocket(new URL(config.realtime_url, origin.replace(/^http/, 'ws'))),
    token: (fresh) => session.token(fresh),
    windows: () => engine.windows(),
    onFrame: (frame) => engine.onFrame(frame),
    onPhase: (phase) => engine.onPhase(phase),
    onDamage: (reason) => console.warn('frame skipped:', reason),
    random: Math.random,
  })
  const preferences = newPreferences(localStorage)
  return {
    api,
    session,
    realtime,
    store,
    engine,
    stage,
    preferences,
    storage: localStorage,
    scrollMemory: new ScrollMemory(),
  }
}

/**
 * Connects what lives outside React: socket with session, socket with the network, this tab with the others. ended
 * says that the provider knows nobody here any more, wherever that sign-out was made.
 */
export function start({ session, realtime, engine, store, stage, preferences }: Services, ended: boolean): void {
  const follow = () => {
    if (session.state === 'signed-in') return realtime.start()
    realtime.stop()
    engine.onSignedOut()
    forgetPlaces(preferences)
    stage.getState().hide()
    stage.getState().hideCard()
  }
  session.subscribe(follow)
  if (session.state === 'signed-in' || ended) follow()
  store.subscribe((state, before) => {
    // The server will not have this session any more: the provider is asked, and the person if it must be.
    if (state.phase === 'refused' && before.phase !== 'refused') void session.login(location.pathname)
  })
  addEventListener('storage', ({ key, newValue }) => {
    if (key !== null && newValue === null) engine.onForgotten(key)
  })
  addEventListener('online', () => realtime.nudge())
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && realtime.nudge())
}
