import { useState } from 'react'
import { useT } from '@/i18n/use-t'
import { full } from '@/lib/time/format'
import type { AuditEntry } from '@/lib/wire/objects'
import { useSelect, useServices } from '@/store/hooks'
import { Avatar } from '@/ui/avatar'
import { Select } from '@/ui/select'
import { aboutPerson, actions, changesOf, peopleIn, type Speaker } from './audit-words'
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
  const name = useNames(serverId, log.items.flatMap(peopleIn))
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
  const channels = useSelect((state) => state.channels)
  const roles = useSelect((state) => state.servers[serverId]?.roles)
  const speaker: Speaker = {
    t,
    locale,
    person: name,
    role: (id) => (id === serverId ? t('roles.everyone') : (roles?.[id]?.name ?? t('target.gone'))),
    channel: (id) => channels[id]?.channel.name ?? t('audit.gone_channel'),
  }
  // What is gone is still named by what the entry says of it.
  const said = entry.changes.find((change) => change.field === 'name')
  const place = channels[entry.target_id]?.channel.name ?? roles?.[entry.target_id]?.name
  const target = aboutPerson(entry.action)
    ? name(entry.target_id)
    : (place ?? said?.to[0] ?? said?.from[0] ?? t('audit.gone'))
  const sentence = actions[entry.action]
  return (
    <li>
      <Avatar id={entry.actor_id} name={name(entry.actor_id)} size={32} />
      <div>
        <b>{name(entry.actor_id)}</b> {sentence === undefined ? entry.action : t(sentence, { target })}
        {changesOf(speaker, entry).map((line) => (
          <small key={line}>{line}</small>
        ))}
        {entry.reason !== '' && <small>{t('audit.reason', { reason: entry.reason })}</small>}
        <time dateTime={entry.created_at ?? ''}>{full(locale, Date.parse(entry.created_at ?? ''))}</time>
      </div>
    </li>
  )
}
