import { MicOff } from 'lucide-react'
import { useEffect } from 'react'
import { VList } from 'virtua'
import { useT } from '@/i18n/use-t'
import { useEngine, useSelect, useStage } from '@/store/hooks'
import { type MemberGroup, memberGroups, nameIn } from '@/store/selectors'
import { colorIn } from '@/store/standing'
import { Avatar } from '@/ui/avatar'
import { Colored } from '@/ui/colored'

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
            <Person key={member.user_id} serverId={serverId} userId={member.user_id} away={group.id === 'offline'} />
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
  serverId: string
  userId: string
  away: boolean
}

/** One member: a click, Enter or the context menu opens the card. */
function Person({ serverId, userId, away }: PersonProps) {
  const { t } = useT()
  const showCard = useStage((stage) => stage.showCard)
  const name = useSelect((state) => nameIn(state, serverId, userId)) || t('user.unknown')
  const color = useSelect((state) => colorIn(state, serverId, userId))
  const muted = useSelect((state) => state.members[serverId]?.byId[userId]?.muted_until ?? null) !== null
  const status = useSelect((state) => state.presence[userId] ?? 'offline')
  const known = status === 'online' || status === 'idle' || status === 'dnd' ? status : 'offline'
  const open = (anchor: HTMLElement) => showCard({ serverId, userId, anchor })
  return (
    // biome-ignore lint/a11y/useSemanticElements: the virtual list puts its own elements around each
    <div role="listitem">
      <button
        type="button"
        className="person"
        aria-haspopup="dialog"
        {...(away && { 'data-away': true })}
        onClick={(event) => open(event.currentTarget)}
        onContextMenu={(event) => {
          event.preventDefault()
          open(event.currentTarget)
        }}
      >
        <Avatar id={userId} name={name} size={32} status={known} />
        <span className="min-w-0 flex-1">
          <Colored color={away ? 0 : color} className="truncate">
            {name}
          </Colored>
          <span className="sr-only">, {t(`status.${known}`)}</span>
        </span>
        {muted && (
          <>
            <MicOff className="size-4 text-ink-3" aria-hidden />
            <span className="sr-only">, {t('member.muted')}</span>
          </>
        )}
      </button>
    </div>
  )
}
