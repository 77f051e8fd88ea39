import { ChevronDown, UserPlus } from 'lucide-react'
import type { ReactNode } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect, useStage } from '@/store/hooks'
import { channelGroups, hasServerRight } from '@/store/selectors'
import { ActionMenu } from '@/ui/action-menu'
import { IconButton } from '@/ui/icon-button'
import { ChannelGroupList } from './channel-list'
import { useServerActions } from './use-server-actions'

interface SidebarProps {
  serverId: string
  channelId: string | null
  /** The user's own row at the bottom. */
  footer: ReactNode
}

/** A server's channels. */
export function Sidebar({ serverId, channelId, footer }: SidebarProps) {
  const { t } = useT()
  const name = useSelect((state) => state.servers[serverId]?.server.name ?? '')
  const channels = useSelect((state) => state.channels)
  const groups = channelGroups(channels, serverId)
  return (
    <aside className="side" aria-label={name}>
      <SidebarHeader serverId={serverId} name={name} />
      <nav aria-label={t('sidebar.channels')}>
        {groups.map((group) => (
          <ChannelGroupList key={group.category?.id ?? ''} group={group} current={channelId} />
        ))}
      </nav>
      {footer}
    </aside>
  )
}

function SidebarHeader({ serverId, name }: { serverId: string; name: string }) {
  const { t } = useT()
  const show = useStage((stage) => stage.show)
  const actions = useServerActions(serverId)
  const mayInvite = useSelect((state) => hasServerRight(state, serverId, 'manage_invitations'))
  const trigger = (
    <button type="button" className="server-menu">
      <h2 className="truncate">{name}</h2>
      <ChevronDown className="size-4" aria-hidden />
    </button>
  )
  return (
    <header>
      <ActionMenu label={name} trigger={trigger} actions={actions} />
      {mayInvite && (
        <IconButton label={t('invite.title')} side="bottom" onClick={() => show({ kind: 'invite', serverId })}>
          <UserPlus aria-hidden />
        </IconButton>
      )}
    </header>
  )
}
