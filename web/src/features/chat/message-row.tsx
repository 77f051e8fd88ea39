import { Copy, Ellipsis, Link as LinkIcon, Pencil, Trash2 } from 'lucide-react'
import { useT } from '@/i18n/use-t'
import { clock, full } from '@/lib/time/format'
import type { Message } from '@/lib/wire/objects'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { hasRight, nameIn, pendingOf, serverIdOf } from '@/store/selectors'
import { IconButton } from '@/ui/icon-button'
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu'
import { Author } from './author'
import { EditBox } from './edit-box'
import { FailedLine } from './failed-line'
import { Markdown } from './markdown'

interface MessageRowProps {
  message: Message
  /** Whether it starts a group: with avatar and name. */
  first: boolean
  editing: boolean
  target: boolean
  onEdit(messageId: string | null): void
}

/** One message as the log has it, under the user's own changes that are on their way. */
export function MessageRow({ message, first, editing, target, onEdit }: MessageRowProps) {
  const { t, locale } = useT()
  const serverId = useSelect((state) => serverIdOf(state, message.channel_id))
  const name = useSelect((state) => nameIn(state, serverId, message.author_id)) || t('user.unknown')
  const mine = useSelect((state) => state.me?.id === message.author_id)
  const youIn = useSelect((state) => state.me !== null && message.content.includes(`<@${state.me.id}>`))
  const change = useSelect((state) =>
    pendingOf(state, message.channel_id).find((pending) => pending.messageId === message.id),
  )
  const at = message.created_at === null ? 0 : Date.parse(message.created_at)
  if (message.deleted || (change?.kind === 'delete' && change.status !== 'failed'))
    return <DeletedRow id={message.id} />

  const content = change?.kind === 'edit' ? change.content : message.content
  return (
    <li
      className="msg"
      data-id={message.id}
      tabIndex={-1}
      aria-label={`${name}, ${clock(locale, at)}`}
      {...(first && { 'data-first': true })}
      {...(youIn && { 'data-you': true })}
      {...(target && { 'data-target': true })}
      {...(change?.status === 'waiting' && { 'data-pending': true })}
      {...(change?.status === 'failed' && change.kind === 'edit' && { 'data-failed': true })}
    >
      {first ? (
        <Author serverId={serverId} userId={message.author_id}>
          <time dateTime={message.created_at ?? ''} title={full(locale, at)}>
            {clock(locale, at)}
          </time>
        </Author>
      ) : (
        <time className="gutter" dateTime={message.created_at ?? ''} title={full(locale, at)}>
          {clock(locale, at)}
        </time>
      )}
      {editing ? (
        <EditBox message={message} onDone={() => onEdit(null)} />
      ) : (
        <div className="txt">
          <Markdown text={content} trailing={message.edited_at !== null && <Edited at={message.edited_at} />} />
        </div>
      )}
      {change?.status === 'failed' && <FailedLine channelId={message.channel_id} pending={change} />}
      {!editing && <Tools message={message} mine={mine} onEdit={() => onEdit(message.id)} />}
    </li>
  )
}

function Edited({ at }: { at: string }) {
  const { t, locale } = useT()
  return (
    <span className="edited" title={full(locale, Date.parse(at))}>
      {t('message.edited')}
    </span>
  )
}

function DeletedRow({ id }: { id: string }) {
  const { t } = useT()
  return (
    <li className="msg" data-id={id} data-deleted tabIndex={-1}>
      <p className="gone">
        <Trash2 className="size-3.5" aria-hidden />
        {t('message.deleted')}
      </p>
    </li>
  )
}

interface ToolsProps {
  message: Message
  mine: boolean
  onEdit(): void
}

function Tools({ message, mine, onEdit }: ToolsProps) {
  const { t } = useT()
  const { stage, engine } = useServices()
  const show = useStage((s) => s.show)
  const manages = useSelect((state) => hasRight(state, message.channel_id, 'manage_messages'))
  const serverId = useSelect((state) => state.channels[message.channel_id]?.channel.server_id ?? '')
  const { id: messageId, channel_id: channelId } = message

  const copy = async (text: string) => {
    await navigator.clipboard.writeText(text)
    stage.getState().toast(t('copied'))
  }
  const remove = (event: { shiftKey: boolean }) =>
    event.shiftKey ? engine.remove(channelId, messageId) : show({ kind: 'delete-message', channelId, messageId })
  const link = `${location.origin}/channels/${serverId}/${channelId}/${messageId}`

  return (
    <div className="tools" role="toolbar" aria-label={t('message.actions')}>
      {mine && (
        <IconButton label={t('message.edit')} onClick={onEdit}>
          <Pencil aria-hidden />
        </IconButton>
      )}
      {(mine || manages) && (
        <IconButton label={t('message.delete')} onClick={remove}>
          <Trash2 aria-hidden />
        </IconButton>
      )}
      <Menu
        label={t('message.actions')}
        align="end"
        trigger={
          <button type="button" className="ib" aria-label={t('message.more')}>
            <Ellipsis aria-hidden />
          </button>
        }
      >
        {mine && (
          <MenuItem icon={<Pencil className="size-4" aria-hidden />} onSelect={onEdit}>
            {t('message.edit')}
          </MenuItem>
        )}
        <MenuItem icon={<Copy className="size-4" aria-hidden />} onSelect={() => void copy(message.content)}>
          {t('message.copy_text')}
        </MenuItem>
        <MenuItem icon={<LinkIcon className="size-4" aria-hidden />} onSelect={() => void copy(link)}>
          {t('message.copy_link')}
        </MenuItem>
        {(mine || manages) && (
          <>
            <MenuSeparator />
            <MenuItem
              look="danger"
              icon={<Trash2 className="size-4" aria-hidden />}
              onSelect={() => show({ kind: 'delete-message', channelId, messageId })}
            >
              {t('message.delete')}
            </MenuItem>
          </>
        )}
      </Menu>
    </div>
  )
}
