import { Hash, Lock, MicOff, Users } from 'lucide-react'
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { full } from '@/lib/time/format'
import { useEngine, useSelect, useServices } from '@/store/hooks'
import { hasRight, lastOwnMessage } from '@/store/selectors'
import { IconButton } from '@/ui/icon-button'
import { Composer } from './composer'
import { ConnectionBanner } from './connection-banner'
import { MessageWindow } from './message-window'
import { TypingLine } from './typing-line'

interface ChannelPageProps {
  channelId: string
  targetId: string | null
  /** Characters that a message may have. */
  limit: number
  /** Stands before the title: the phone's menu button. */
  leading?: ReactNode
  members: { shown: boolean; toggle(): void }
  onLeaveTarget(): void
}

/** One channel: header, messages, composer. Mounted anew for each channel. */
export function ChannelPage({ channelId, targetId, limit, leading, members, onLeaveTarget }: ChannelPageProps) {
  const { t } = useT()
  const engine = useEngine()
  const { store } = useServices()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  const maySend = useSelect((state) => hasRight(state, channelId, 'send_messages'))
  const [editing, setEditing] = useState<string | null>(null)
  const section = useRef<HTMLElement>(null)

  // Which channel is on the screen is known to the store too. Before paint, since what was new when it was
  // opened must be known before the messages in view are marked as read.
  useLayoutEffect(() => {
    engine.open(channelId)
    return () => engine.close(channelId)
  }, [engine, channelId])

  if (channel === undefined) return null
  const edit = (messageId: string | null) => {
    setEditing(messageId)
    if (messageId === null) section.current?.querySelector<HTMLElement>('[data-composer]')?.focus()
  }
  return (
    <section ref={section} className="col" aria-label={channel.name}>
      <header className="bar">
        {leading}
        <h1>
          <Hash aria-hidden />
          <span className="truncate">{channel.name}</span>
        </h1>
        <p className="topic flex-1 truncate" title={channel.topic}>
          {channel.topic}
        </p>
        <IconButton label={t('members.toggle')} aria-pressed={members.shown} side="bottom" onClick={members.toggle}>
          <Users aria-hidden />
        </IconButton>
      </header>
      <ConnectionBanner />
      <MessageWindow
        channelId={channelId}
        channelName={channel.name}
        targetId={targetId}
        editing={editing}
        onEdit={edit}
        onLeaveTarget={onLeaveTarget}
      />
      <div className="dock">
        {maySend ? (
          <Composer
            channelId={channelId}
            channelName={channel.name}
            limit={limit}
            onEditLast={() => setEditing(lastOwnMessage(store.getState(), channelId)?.id ?? null)}
          />
        ) : (
          <ReadOnly serverId={channel.server_id} />
        )}
        <TypingLine channelId={channelId} />
      </div>
    </section>
  )
}

/** Why there is no composer, and until when. */
function ReadOnly({ serverId }: { serverId: string }) {
  const { t, locale } = useT()
  const until = useSelect((state) => state.members[serverId]?.byId[state.me?.id ?? '']?.muted_until ?? null)
  return (
    <p className="readonly" role="status">
      {until === null ? <Lock className="size-4" aria-hidden /> : <MicOff className="size-4" aria-hidden />}
      {until === null ? t('composer.read_only') : t('composer.muted', { until: full(locale, Date.parse(until)) })}
    </p>
  )
}
