import { Link, useNavigate } from '@tanstack/react-router'
import { ChevronDown, ChevronRight, DoorOpen, Hash, Plus, Settings, UserPlus } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { type ChannelGroup, channelGroups, hasServerRight, isUnread } from '@/store/selectors'
import { IconButton } from '@/ui/icon-button'
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu'

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
          <Group key={group.category?.id ?? ''} group={group} current={channelId} />
        ))}
      </nav>
      {footer}
    </aside>
  )
}

/** One of these opens a part of the settings that the menu does not already hold. */
const SETTINGS = ['manage_server', 'manage_roles', 'manage_members', 'manage_nicknames']

function SidebarHeader({ serverId, name }: { serverId: string; name: string }) {
  const { t } = useT()
  const show = useStage((stage) => stage.show)
  const mayCreate = useSelect((state) => hasServerRight(state, serverId, 'manage_channels'))
  const mayInvite = useSelect((state) => hasServerRight(state, serverId, 'manage_invitations'))
  const isOwner = useSelect((state) => state.servers[serverId]?.server.owner_id === state.me?.id)
  const maySet = useSelect((state) => SETTINGS.some((right) => hasServerRight(state, serverId, right)))
  const navigate = useNavigate()
  const openSettings = () =>
    void navigate({ to: '/servers/$serverId/settings/$section', params: { serverId, section: 'overview' } })
  const nothing = !mayCreate && !mayInvite && !maySet && isOwner
  const trigger = (
    <button type="button" className="server-menu">
      <h2 className="truncate">{name}</h2>
      <ChevronDown className="size-4" aria-hidden />
    </button>
  )
  return (
    <header>
      {nothing ? (
        <h2 className="truncate px-2">{name}</h2>
      ) : (
        <Menu label={name} trigger={trigger}>
          {mayInvite && (
            <MenuItem
              icon={<UserPlus className="size-4" aria-hidden />}
              onSelect={() => show({ kind: 'invite', serverId })}
            >
              {t('invite.title')}
            </MenuItem>
          )}
          {mayCreate && (
            <MenuItem
              icon={<Plus className="size-4" aria-hidden />}
              onSelect={() => show({ kind: 'create-channel', serverId })}
            >
              {t('create_channel.title')}
            </MenuItem>
          )}
          {maySet && (
            <MenuItem icon={<Settings className="size-4" aria-hidden />} onSelect={openSettings}>
              {t('server_settings.title')}
            </MenuItem>
          )}
          {!isOwner && (
            <>
              {(mayInvite || mayCreate || maySet) && <MenuSeparator />}
              <MenuItem
                look="danger"
                icon={<DoorOpen className="size-4" aria-hidden />}
                onSelect={() => show({ kind: 'leave-server', serverId })}
              >
                {t('leave_server.action')}
              </MenuItem>
            </>
          )}
        </Menu>
      )}
      {mayInvite && (
        <IconButton label={t('invite.title')} side="bottom" onClick={() => show({ kind: 'invite', serverId })}>
          <UserPlus aria-hidden />
        </IconButton>
      )}
    </header>
  )
}

function Group({ group, current }: { group: ChannelGroup; current: string | null }) {
  const { preferences } = useServices()
  const id = group.category?.id
  const [open, setOpen] = useState(() => id === undefined || !preferences.getState().collapsed.includes(id))
  const flip = () => {
    if (id === undefined) return
    const others = preferences.getState().collapsed.filter((one) => one !== id)
    preferences.setState({ collapsed: open ? [...others, id] : others })
    setOpen(!open)
  }
  const Chevron = open ? ChevronDown : ChevronRight
  // A closed category still shows the channel that one is in.
  const shown = open ? group.channels : group.channels.filter(({ channel }) => channel.id === current)
  return (
    <>
      {group.category !== null && (
        <button type="button" className="cat" aria-expanded={open} onClick={flip}>
          <span className="truncate">{group.category.name}</span>
          <Chevron className="size-3.5" aria-hidden />
        </button>
      )}
      {shown.length > 0 && (
        <ul>
          {shown.map(({ channel }) => (
            <li key={channel.id}>
              <ChannelLink
                serverId={channel.server_id}
                channelId={channel.id}
                name={channel.name}
                current={current === channel.id}
              />
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

interface ChannelLinkProps {
  serverId: string
  channelId: string
  name: string
  current: boolean
}

function ChannelLink({ serverId, channelId, name, current }: ChannelLinkProps) {
  const { t } = useT()
  const unread = useSelect((state) => isUnread(state, channelId)) && !current
  return (
    <Link
      to="/channels/$serverId/$channelId"
      params={{ serverId, channelId }}
      className="row"
      {...(current && { 'aria-current': 'page' as const })}
      {...(unread && { 'data-unread': true })}
    >
      <Hash aria-hidden />
      <span className="flex-1 truncate">{name}</span>
      {unread && (
        <span className="dot">
          <span className="sr-only">{t('unread')}</span>
        </span>
      )}
    </Link>
  )
}
