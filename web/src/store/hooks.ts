/** React's view of the store and of what acts on it: the only file here that knows React. */
import { createContext, useContext } from 'react'
import { useStore as useZustand } from 'zustand'
import type { Api } from '@/lib/api/client'
import type { Session } from '@/lib/auth/session'
import type { RealtimeClient } from '@/lib/rt/client'
import type { Engine } from './engine'
import type { Preferences, PreferenceValues } from './preferences'
import type { ScrollMemory } from './scroll-memory'
import type { Stage, StageStore } from './stage'
import type { State } from './state'
import type { Store } from './store'

/** What the client is made of, put together once in app/services.ts. */
export interface Services {
  readonly api: Api
  readonly session: Session
  readonly realtime: RealtimeClient
  readonly store: Store
  readonly engine: Engine
  readonly stage: StageStore
  readonly preferences: Preferences
  readonly storage: Storage
  readonly scrollMemory: ScrollMemory
}

const Context = createContext<Services | null>(null)

export const ServicesProvider = Context.Provider

export function useServices(): Services {
  const services = useContext(Context)
  if (services === null) throw new Error('no ServicesProvider above')
  return services
}

export const useEngine = (): Engine => useServices().engine

/** A part of the state. The selector must answer the same object while nothing it reads has changed. */
export function useSelect<T>(selector: (state: State) => T): T {
  return useZustand(useServices().store, selector)
}

export const useStage = <T>(selector: (stage: Stage) => T): T => useZustand(useServices().stage, selector)

export const usePreference = <K extends keyof PreferenceValues>(key: K): PreferenceValues[K] =>
  useZustand(useServices().preferences, (values) => values[key])
