import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useT } from '@/i18n/use-t'
import { useEngine, useSelect } from '@/store/hooks'
import { Audit } from './audit'
import { Bans } from './bans'
import { Frame, Pane } from './frame'
import { Invitations } from './invitations'
import { Members } from './members'
import { Overview } from './overview'
import { Roles } from './roles'
import { type SectionId, sectionsFor } from './sections'

const pages: Record<SectionId, (props: { serverId: string }) => React.ReactNode> = {
  overview: Overview,
  roles: Roles,
  members: Members,
  bans: Bans,
  invitations: Invitations,
  audit: Audit,
}

const NOTHING: readonly string[] = []

interface SettingsPageProps {
  serverId: string
  /** As the address has it: one that is unknown or closed to the user opens the first that is not. */
  section: string
}

/** The settings of a server: what the user's rights open, and nothing else. */
export function SettingsPage({ serverId, section }: SettingsPageProps) {
  const { t } = useT()
  const engine = useEngine()
  const name = useSelect((state) => state.servers[serverId]?.server.name ?? '')
  const rights = useSelect((state) => state.servers[serverId]?.rights ?? NOTHING)
  const ready = useSelect((state) => state.ready)
  const open = sectionsFor(rights)
  const current = open.find(({ id }) => id === section) ?? open[0]

  // Names of members are read from the server, which is outside React.
  useEffect(() => {
    if (ready) engine.loadMembers(serverId).catch(() => undefined)
  }, [engine, serverId, ready])

  const Page = current === undefined ? null : pages[current.id]
  const nav = (
    <ul className="contents">
      {open.map(({ id, icon: Icon, label }) => (
        <li key={id}>
          <Link
            to="/servers/$serverId/settings/$section"
            params={{ serverId, section: id }}
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
  return (
    <Frame title={name} back={t('server_settings.back', { name })} backTo={`/channels/${serverId}`} nav={nav}>
      {Page === null ? (
        <Pane title={t('server_settings.title')} text={t('server_settings.none')}>
          {null}
        </Pane>
      ) : (
        <Page key={serverId} serverId={serverId} />
      )}
    </Frame>
  )
}
