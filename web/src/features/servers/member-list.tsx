import { useEffect } from 'react'
import { VList } from 'virtua'
import { useT } from '@/i18n/use-t'
import { useEngine, useSelect } from '@/store/hooks'
import { type MemberGroup, memberGroups, nameOf } from '@/store/selectors'
import { Avatar } from '@/ui/avatar'

interface MemberListProps {
  serverId: string
}

/** Who is in the server: by role, then who is online, then who is not. Read lazily, drawn lazily. */
export function MemberList({ serverId }: MemberListProps) {
  const { t } = useT()
  const engine = useEngine()
  const ready = useSelect((state) => state.ready)
  const members = useSelect((state) => state.members)
  const presence = useSelect((state) => state.presence)
  const servers = useSelect((state) => state.servers)
  const users = useSelect((state) => state.users)
  const groups = memberGroups({ members, presence, servers, users }, serverId)

  // Asks the server, which is outside React; a list that is complete asks nothing.
  useEffect(() => {
    if (ready) engine.loadMembers(serverId).catch(() => undefined)
  }, [engine, serverId, ready])

  const more = () => void engine.loadMembers(serverId).catch(() => undefined)
  return (
    <aside className="members" aria-label={t('members.label')}>
      <VList className="people" role="list" tabIndex={0} aria-label={t('members.label')} onScrollEnd={more}>
        {groups.flatMap((group) => [
          <GroupLabel key={group.id} group={group} />,
          ...group.members.map((member) => (
            <Person key={member.user_id} userId={member.user_id} away={group.id === 'offline'} />
          )),
        ])}
      </VList>
    </aside>
  )
}

function GroupLabel({ group }: { group: MemberGroup }) {
  const { t } = useT()
  const name = group.id === 'online' ? t('members.online') : group.id === 'offline' ? t('members.offline') : group.name
  return (
    // biome-ignore lint/a11y/useSemanticElements: the virtual list puts its own elements around each
    <div className="lab" role="listitem">
      {name}
      <span>{group.members.length}</span>
    </div>
  )
}

interface PersonProps {
  userId: string
  away: boolean
}

function Person({ userId, away }: PersonProps) {
  const { t } = useT()
  const name = useSelect((state) => nameOf(state, userId)) || t('user.unknown')
  const status = useSelect((state) => state.presence[userId] ?? 'offline')
  const known = status === 'online' || status === 'idle' || status === 'dnd' ? status : 'offline'
  return (
    // biome-ignore lint/a11y/useSemanticElements: the virtual list puts its own elements around each
    <div className="person" role="listitem" {...(away && { 'data-away': true })}>
      <Avatar id={userId} name={name} size={32} status={known} />
      <span className="min-w-0 flex-1">
        <b className="truncate">{name}</b>
        <span className="sr-only">, {t(`status.${known}`)}</span>
      </span>
    </div>
  )
}
