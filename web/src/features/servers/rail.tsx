import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useT } from '@/i18n/use-t'
import { useSelect, useStage } from '@/store/hooks'
import { isUnread } from '@/store/selectors'
import { initialsOf } from '@/ui/avatar'
import { ContextMenu } from '@/ui/context-menu'
import { Mark } from '@/ui/mark'
import { Tip } from '@/ui/tip'
import { useServerActions } from './use-server-actions'

interface RailProps {
  /** The server on the screen; null at home. */
  current: string | null
}

/** The servers, and home. */
export function Rail({ current }: RailProps) {
  const { t } = useT()
  const order = useSelect((state) => state.serverOrder)
  const anyUnread = useSelect((state) => Object.keys(state.channels).some((id) => isUnread(state, id)))
  const show = useStage((stage) => stage.show)
  return (
    <nav className="rail" aria-label={t('rail.label')}>
      <Tip text={t('home.title')} side="right">
        <Link to="/" aria-label={t('home.title')} {...(current === null && { 'aria-current': 'page' as const })}>
          <span className="tile" data-look="home">
            <Mark size={28} dot={anyUnread} />
          </span>
        </Link>
      </Tip>
      {order.length > 0 && <hr />}
      <ul>
        {order.map((id) => (
          <li key={id}>
            <ServerTile serverId={id} current={current === id} />
          </li>
        ))}
        <li>
          <Tip text={t('create_server.title')} side="right">
            <button type="button" aria-label={t('create_server.title')} onClick={() => show({ kind: 'create-server' })}>
              <span className="tile" data-look="outline">
                <Plus aria-hidden />
              </span>
            </button>
          </Tip>
        </li>
      </ul>
    </nav>
  )
}

interface ServerTileProps {
  serverId: string
  current: boolean
}

function ServerTile({ serverId, current }: ServerTileProps) {
  const { t } = useT()
  const name = useSelect((state) => state.servers[serverId]?.server.name ?? '')
  const unread = useSelect((state) =>
    Object.values(state.channels).some(({ channel }) => channel.server_id === serverId && isUnread(state, channel.id)),
  )
  const actions = useServerActions(serverId)
  return (
    <ContextMenu label={name} actions={actions}>
      {/* The menu hangs on this element, since the tip takes the link for itself. */}
      <div>
        <Tip text={name} side="right">
          <Link to="/channels/$serverId" params={{ serverId }} {...(current && { 'aria-current': 'page' as const })}>
            <span className="tile" aria-hidden>
              {initialsOf(name)}
              {unread && <span className="dot" />}
            </span>
            <span className="sr-only">{unread ? t('rail.unread', { name }) : name}</span>
          </Link>
        </Tip>
      </div>
    </ContextMenu>
  )
}
