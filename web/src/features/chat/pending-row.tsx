import { useT } from '@/i18n/use-t'
import { clock } from '@/lib/time/format'
import { useSelect } from '@/store/hooks'
import { nameIn, serverIdOf } from '@/store/selectors'
import type { Pending } from '@/store/state'
import { Author } from './author'
import { FailedLine } from './failed-line'
import { Markdown } from './markdown'

interface PendingRowProps {
  channelId: string
  pending: Pending
  first: boolean
}

/** A message of the user's own that the log has not confirmed yet: there at once, grey after 300 ms. */
export function PendingRow({ channelId, pending, first }: PendingRowProps) {
  const { locale } = useT()
  const me = useSelect((state) => state.me?.id ?? '')
  const serverId = useSelect((state) => serverIdOf(state, channelId))
  const name = useSelect((state) => nameIn(state, serverId, me))
  return (
    <li
      className="msg"
      data-nonce={pending.nonce}
      tabIndex={-1}
      aria-label={`${name}, ${clock(locale, pending.at)}`}
      {...(first && { 'data-first': true })}
      {...(pending.status === 'waiting' && { 'data-pending': true })}
      {...(pending.status === 'failed' && { 'data-failed': true })}
    >
      {first && (
        <Author serverId={serverId} userId={me}>
          <time>{clock(locale, pending.at)}</time>
        </Author>
      )}
      <div className="txt">
        <Markdown text={pending.content} />
      </div>
      {pending.status === 'failed' && <FailedLine channelId={channelId} pending={pending} />}
    </li>
  )
}
