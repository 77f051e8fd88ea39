import { useT } from '@/i18n/use-t'
import { day } from '@/lib/time/format'
import type { Row } from '@/store/rows'
import { MessageRow } from './message-row'
import { PendingRow } from './pending-row'

interface RowListProps {
  rows: readonly Row[]
  channelId: string
  editing: string | null
  targetId: string | null
  onEdit(messageId: string | null): void
}

/** The rows, in order. */
export function RowList({ rows, channelId, editing, targetId, onEdit }: RowListProps) {
  if (rows.length === 0) return null
  return (
    <ol>
      {rows.map((row) => {
        switch (row.kind) {
          case 'day':
            return <DayRow key={row.key} at={row.at} isNew={row.isNew} />
          case 'new':
            return <NewRow key={row.key} />
          case 'pending':
            return <PendingRow key={row.key} channelId={channelId} pending={row.pending} first={row.first} />
          case 'message':
            return (
              <MessageRow
                key={row.key}
                message={row.message}
                first={row.first}
                editing={editing === row.message.id}
                target={targetId === row.message.id}
                onEdit={onEdit}
              />
            )
        }
        return null
      })}
    </ol>
  )
}

function DayRow({ at, isNew }: { at: number; isNew: boolean }) {
  const { t, locale } = useT()
  const date = day(locale, at, Date.now())
  if (isNew) {
    return (
      <li className="new">
        <span>{t('messages.day_new', { day: date })}</span>
      </li>
    )
  }
  return (
    <li className="day">
      <time dateTime={new Date(at).toISOString()}>{date}</time>
    </li>
  )
}

function NewRow() {
  const { t } = useT()
  return (
    <li className="new">
      <span>{t('messages.new')}</span>
    </li>
  )
}
