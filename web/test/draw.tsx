/** Draws one feature as the client would: the real store, engine, language and router, over a server of fakes. */
import { I18nProvider } from '@lingui/react'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { act, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { Tooltip } from 'radix-ui'
import type { ReactNode } from 'react'
import { vi } from 'vitest'
import type { Api } from '@/lib/api/client'
import { i18n, speak } from '@/lib/i18n/i18n'
import type { ServerFrame } from '@/lib/wire/frames'
import type { Message } from '@/lib/wire/objects'
import { Engine } from '@/store/engine'
import { type Services, ServicesProvider } from '@/store/hooks'
import { newPreferences } from '@/store/preferences'
import { ScrollMemory } from '@/store/scroll-memory'
import { newStage } from '@/store/stage'
import { newStore } from '@/store/store'
import { CHANNEL, channelOf, create, ME, messageOf, serverOf, YOU } from '@/store/testing'

export type Language = 'en' | 'fr'
export const languages: Language[] = ['en', 'fr']

/** The people of the test: ada is signed in. */
const people = [
  { id: ME, username: 'ada', display_name: 'Ada' },
  { id: YOU, username: 'bo', display_name: 'Bo' },
]

export interface Drawing {
  language?: Language
  /** What the channel holds. */
  messages?: Message[]
  channels?: { id: string; name?: string; kind?: 'text' | 'category'; parent_id?: string }[]
  /** Of the channel and the server alike. */
  rights?: string[]
  api?: Partial<Record<keyof Api, ReturnType<typeof vi.fn>>>
  session?: Partial<Record<'login' | 'logout', ReturnType<typeof vi.fn>>>
}

/** A signed-in client that is online in one server. */
function client({
  messages = [],
  channels = [{ id: CHANNEL, name: 'deck' }],
  rights,
  api = {},
  session = {},
}: Drawing) {
  const store = newStore()
  const calls = {
    users: vi.fn(async () => people),
    // Never answered: what is sent stays on its way unless a test says otherwise.
    sendMessage: vi.fn(() => new Promise<never>(() => undefined)),
    editMessage: vi.fn(() => new Promise<never>(() => undefined)),
    deleteMessage: vi.fn(() => new Promise<never>(() => undefined)),
    ...api,
  }
  const told = vi.fn(() => true)
  const engine = new Engine({
    api: calls as unknown as Api,
    store,
    storage: localStorage,
    tell: told,
    now: Date.now,
    random: () => 0.5,
    onLimited: () => undefined,
  })
  const granted = rights ?? ['view_channels', 'send_messages', 'manage_invitations']
  const hear = (frame: ServerFrame) => engine.onFrame(frame)
  store.dispatch({ type: 'users', users: people })
  const user = people[0] ?? { id: ME, username: '', display_name: '' }
  hear({ op: 'ready', d: { session_id: 's', user, servers: [serverOf(undefined, { rights: granted })] } })
  for (const channel of channels)
    hear({ op: 'channel_added', d: { channel: channelOf(channel.id, channel), rights: granted } })
  const entries = messages.map((message) => create(message.v, message))
  hear({ op: 'delta', d: { channel_id: CHANNEL, reset: false, head: messages.length, entries, answer: true } })
  engine.onPhase('online')
  const realtime = { nudge: vi.fn(), setStatus: vi.fn() }
  const doors = { login: vi.fn(async () => undefined), logout: vi.fn(async () => undefined), ...session }
  const services = {
    api: calls,
    session: doors,
    realtime,
    store,
    engine,
    stage: newStage(),
    preferences: newPreferences(localStorage),
    storage: localStorage,
    scrollMemory: new ScrollMemory(),
  } as unknown as Services
  return { services, engine, store, calls, told, realtime, session: doors, hear }
}

/** Draws it and answers what a test acts with. */
export async function draw(what: ReactNode, drawing: Drawing = {}) {
  localStorage.clear()
  await speak(drawing.language ?? 'en')
  const all = client(drawing)
  const root = createRootRoute()
  const anywhere = createRoute({ getParentRoute: () => root, path: '$', component: () => what })
  const index = createRoute({ getParentRoute: () => root, path: '/', component: () => what })
  const history = createMemoryHistory({ initialEntries: ['/'] })
  const router = createRouter({ routeTree: root.addChildren([index, anywhere]), history })
  await router.load()
  await act(async () => {
    render(
      <I18nProvider i18n={i18n}>
        <Tooltip.Provider>
          <ServicesProvider value={all.services}>
            <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
              {/* The addresses here are not those of the client, which its types know. */}
              <RouterProvider router={router as never} />
            </QueryClientProvider>
          </ServicesProvider>
        </Tooltip.Provider>
      </I18nProvider>,
    )
  })
  return { ...all, user: userEvent.setup(), path: () => router.state.location.pathname, screen }
}

/** A message of the one who is signed in. */
export const own = (n: number, content: string) => messageOf(n, { author_id: ME, content })
