import { Link } from '@tanstack/react-router'
import { Eye, Info, type LucideIcon, Shield } from 'lucide-react'
import { useEffect } from 'react'
import { type MessageId, useT } from '@/i18n/use-t'
import { useEngine, useSelect } from '@/store/hooks'
import { ChannelAccess } from './channel-access'
import { ChannelOverview } from './channel-overview'
import { ChannelPermissions } from './channel-permissions'
import { Frame, Pane } from './frame'

interface Section {
  readonly id: string
  readonly icon: LucideIcon
  readonly label: MessageId
  /** One of these rights in the channel opens it. */
  readonly rights: readonly string[]
  page(props: { channelId: string }): React.ReactNode
}

const WHO = ['manage_channels', 'manage_permissions']

const sections: readonly Section[] = [
  {
    id: 'overview',
    icon: Info,
    label: 'server_settings.overview',
    rights: ['manage_channels'],
    page: ChannelOverview,
  },
  { id: 'access', icon: Eye, label: 'access.title', rights: WHO, page: ChannelAccess },
  { id: 'permissions', icon: Shield, label: 'roles.rights', rights: WHO, page: ChannelPermissions },
]

const NOTHING: readonly string[] = []

interface ChannelSettingsPageProps {
  channelId: string
  /** As the address has it: one that is unknown or closed to the user opens the first that is not. */
  section: string
}

/** The settings of a channel or a category: what the user's rights in it open, and nothing else. */
export function ChannelSettingsPage({ channelId, section }: ChannelSettingsPageProps) {
  const { t } = useT()
  const engine = useEngine()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  const rights = useSelect((state) => state.channels[channelId]?.rights ?? NOTHING)
  const ready = useSelect((state) => state.ready)
  const serverId = channel?.server_id ?? ''
  const open = sections.filter((one) => one.rights.some((right) => rights.includes(right)))
  const current = open.find(({ id }) => id === section) ?? open[0]

  // Names of members are read from the server, which is outside React.
  useEffect(() => {
    if (ready && serverId !== '') engine.loadMembers(serverId).catch(() => undefined)
  }, [engine, serverId, ready])

  if (channel === undefined) return null
  const nav = (
    <ul className="contents">
      {open.map(({ id, icon: Icon, label }) => (
        <li key={id}>
          <Link
            to="/servers/$serverId/channels/$channelId/settings/$section"
            params={{ serverId, channelId, section: id }}
            className="row"
            {...(id === current?.id && { 'aria-current': 'page' as const })}
          >
            <Icon className="size-4" aria-hidden />
            {t(label)}
          </Link>
        </li>
      ))}
    </ul>
  )
  const backTo = channel.kind === 'category' ? `/channels/${serverId}` : `/channels/${serverId}/${channelId}`
  const Page = current?.page
  return (
    <Frame title={channel.name} back={t('server_settings.back', { name: channel.name })} backTo={backTo} nav={nav}>
      {Page === undefined ? (
        <Pane title={t('channel_settings.title')} text={t('server_settings.none')}>
          {null}
        </Pane>
      ) : (
        <Page key={channelId} channelId={channelId} />
      )}
    </Frame>
  )
}
