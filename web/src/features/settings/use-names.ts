import { useEffect } from 'react'
import { useT } from '@/i18n/use-t'
import { useEngine, useSelect } from '@/store/hooks'
import { nameIn } from '@/store/selectors'

/** Names people of a server, also those who are no members any more: their profiles are asked for. */
export function useNames(serverId: string, ids: readonly string[]): (id: string) => string {
  const { t } = useT()
  const engine = useEngine()
  const members = useSelect((state) => state.members)
  const users = useSelect((state) => state.users)
  const missing = ids.filter((id) => users[id] === undefined).join(' ')

  // Profiles are read from the server, which is outside React; who was asked for is not asked for again.
  useEffect(() => {
    if (missing !== '') engine.wantUsers(missing.split(' '))
  }, [engine, missing])

  return (id) => nameIn({ members, users }, serverId, id) || t('user.unknown')
}
