import { Popover } from 'radix-ui'
import { useRef } from 'react'
import { useT } from '@/i18n/use-t'
import { full } from '@/lib/time/format'
import { useSelect, useStage } from '@/store/hooks'
import { nameIn, nameOf } from '@/store/selectors'
import type { Card } from '@/store/stage'
import { colorIn, isOwner } from '@/store/standing'
import { Avatar } from '@/ui/avatar'
import { Colored } from '@/ui/colored'
import { PersonActions } from './person-actions'
import { PersonRoles } from './person-roles'

interface PersonCardProps {
  card: Card
}

/** Who someone is on a server, and what one may do about it; at the name that it was opened from. */
export function PersonCard({ card: { serverId, userId, anchor } }: PersonCardProps) {
  const { t } = useT()
  const hide = useStage((stage) => stage.hideCard)
  const at = useRef(anchor)
  at.current = anchor
  const name = useSelect((state) => nameIn(state, serverId, userId)) || t('user.unknown')
  const content = useRef<HTMLDivElement>(null)
  return (
    <Popover.Root key={`${serverId} ${userId}`} open onOpenChange={(open) => !open && hide()}>
      <Popover.Anchor virtualRef={at} />
      <Popover.Portal>
        <Popover.Content
          ref={content}
          className="card"
          side="left"
          align="start"
          sideOffset={8}
          collisionPadding={8}
          tabIndex={-1}
          aria-label={t('member.card', { name })}
          onOpenAutoFocus={(event) => {
            // The card itself: a reader says whose it is before what may be done.
            event.preventDefault()
            content.current?.focus()
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault()
            at.current.focus()
          }}
        >
          <Head serverId={serverId} userId={userId} name={name} />
          <PersonRoles serverId={serverId} userId={userId} />
          <PersonActions serverId={serverId} userId={userId} name={name} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

interface HeadProps {
  serverId: string
  userId: string
  name: string
}

function Head({ serverId, userId, name }: HeadProps) {
  const { t, locale } = useT()
  const own = useSelect((state) => nameOf(state, userId))
  const username = useSelect((state) => state.users[userId]?.username ?? '')
  const color = useSelect((state) => colorIn(state, serverId, userId))
  const status = useSelect((state) => state.presence[userId] ?? 'offline')
  const owns = useSelect((state) => isOwner(state, serverId, userId))
  const me = useSelect((state) => state.me?.id === userId)
  const member = useSelect((state) => state.members[serverId]?.byId[userId])
  const marks = [me && t('member.you'), owns && t('member.owner')].filter((mark) => mark !== false)
  return (
    <header>
      <Avatar id={userId} name={name} size={72} status={status} on="var(--color-surface-3)" />
      <h2>
        <Colored color={color}>{name}</Colored>
        {marks.map((mark) => (
          <span key={mark} className="tag">
            {mark}
          </span>
        ))}
      </h2>
      <p>
        {own !== name && own !== username && `${own}, `}
        {username}
      </p>
      {member === undefined && <p>{t('member.gone')}</p>}
      {member !== undefined && member.joined_at !== null && (
        <p>
          {t('member.joined', {
            date: new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(Date.parse(member.joined_at)),
          })}
        </p>
      )}
      {member !== undefined && member.muted_until !== null && (
        <p className="text-danger-ink!">
          {t('member.muted_until', { until: full(locale, Date.parse(member.muted_until)) })}
        </p>
      )}
    </header>
  )
}
