import { useState } from 'react'
import { useT } from '@/i18n/use-t'
import { full } from '@/lib/time/format'
import type { AuditEntry } from '@/lib/wire/objects'
import { useSelect, useServices } from '@/store/hooks'
import { Avatar } from '@/ui/avatar'
import { Select } from '@/ui/select'
import { aboutPerson, actions } from './audit-words'
import { Pane } from './frame'
import { Listing } from './listing'
import { useNames } from './use-names'
import { usePages } from './use-pages'

/** Who did what to whom, newest first. */
export function Audit({ serverId }: { serverId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const [action, setAction] = useState('')
  const [actorId, setActorId] = useState('')
  const members = useSelect((state) => state.members)
  const log = usePages(['audit', serverId, action, actorId], (before) =>
    api.auditEntries(serverId, { action, actorId }, before),
  )
  const ids = log.items.flatMap((entry) =>
    aboutPerson(entry.action) ? [entry.actor_id, entry.target_id] : [entry.actor_id],
  )
  const name = useNames(serverId, ids)
  const people = Object.keys(members[serverId]?.byId ?? {})
    .map((id) => ({ value: id, label: name(id) }))
    .sort((a, b) => a.label.localeCompare(b.label))
  const kinds = Object.entries(actions)
    .map(([value, id]) => ({ value, label: t(id, { target: '…' }) }))
    .sort((a, b) => a.label.localeCompare(b.label))
  return (
    <Pane title={t('server_settings.audit')}>
      <div className="filters">
        <Select
          label={t('audit.action')}
          value={action}
          options={[{ value: '', label: t('audit.anything') }, ...kinds]}
          onChange={setAction}
        />
        <Select
          label={t('audit.person')}
          value={actorId}
          options={[{ value: '', label: t('audit.anyone') }, ...people]}
          onChange={setActorId}
        />
      </div>
      <Listing
        loading={log.loading}
        error={log.error}
        none={t('audit.none')}
        empty={log.items.length === 0}
        more={log.more}
        onAgain={log.again}
      >
        {log.items.map((entry) => (
          <Deed key={entry.id} serverId={serverId} entry={entry} name={name} />
        ))}
      </Listing>
    </Pane>
  )
}

interface DeedProps {
  serverId: string
  entry: AuditEntry
  name(id: string): string
}

function Deed({ serverId, entry, name }: DeedProps) {
  const { t, locale } = useT()
  const place = useSelect(
    (state) =>
      state.channels[entry.target_id]?.channel.name ?? state.servers[serverId]?.roles[entry.target_id]?.name ?? '',
  )
  // What is gone is still named by what the entry says of it.
  const before = entry.changes.find((change) => change.field === 'name')?.from[0] ?? ''
  const target = aboutPerson(entry.action) ? name(entry.target_id) : place || before || entry.target_id
  const sentence = actions[entry.action]
  const values = (list: readonly string[]) => (list.length === 0 ? t('audit.nothing') : list.join(', '))
  return (
    <li>
      <Avatar id={entry.actor_id} name={name(entry.actor_id)} size={32} />
      <div>
        <b>{name(entry.actor_id)}</b> {sentence === undefined ? entry.action : t(sentence, { target })}
        {entry.changes.map(({ field, from, to }) => (
          <small key={field}>{t('audit.change', { field, from: values(from), to: values(to) })}</small>
        ))}
        {entry.reason !== '' && <small>{t('audit.reason', { reason: entry.reason })}</small>}
        <small>{full(locale, Date.parse(entry.created_at ?? ''))}</small>
      </div>
    </li>
  )
}
