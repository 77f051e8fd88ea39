/** The one store: its state changes by dispatched events, its subscribers are told after each. */
import { createStore, type StoreApi } from 'zustand/vanilla'
import { apply, type StoreEvent } from './apply'
import { emptyState, type State } from './state'

export interface Store extends Pick<StoreApi<State>, 'getState' | 'getInitialState' | 'subscribe'> {
  dispatch(event: StoreEvent): void
}

/** Makes an empty store. */
export function newStore(): Store {
  const { getState, getInitialState, setState, subscribe } = createStore<State>(() => emptyState)
  // replace: apply answers the whole state.
  return { getState, getInitialState, subscribe, dispatch: (event) => setState(apply(getState(), event), true) }
}
