import { useSyncExternalStore } from 'react'

/** Whether a media query holds, now and after every change. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query)
      list.addEventListener('change', changed)
      return () => list.removeEventListener('change', changed)
    },
    () => matchMedia(query).matches,
  )
}

/** One column; rail and sidebar are a drawer. */
export const PHONE = '(max-width: 699.98px)'
/** Below it the member list lies over the messages. */
export const WIDE = '(min-width: 1200px)'
