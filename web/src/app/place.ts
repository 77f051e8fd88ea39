/** What a screen asks about the place that its address names. */

import { usePreference, useSelect, useServices } from '@/store/hooks'
import { useMedia, WIDE } from '@/ui/use-media'
import { useArrivalGrace } from './arrival-grace'

/** A wide screen remembers whether members are shown; a narrow one opens them over the messages for now. */
export function useMembersShown() {
  const { preferences } = useServices()
  const wide = useMedia(WIDE)
  const wanted = usePreference('members')
  const overlay = usePreference('membersOverlay')
  return wide
    ? { shown: wanted, toggle: () => preferences.setState({ members: !wanted }) }
    : { shown: overlay, toggle: () => preferences.setState({ membersOverlay: !overlay }) }
}

/** Whether a server is known, known not to be, or not known yet. */
export function useServerState(serverId: string): 'known' | 'gone' | 'unknown' {
  const ready = useSelect((state) => state.ready)
  const known = useSelect((state) => state.servers[serverId] !== undefined)
  const fresh = useArrivalGrace(serverId, ready && !known)
  if (known) return 'known'
  return ready && !fresh ? 'gone' : 'unknown'
}
