/** The audit log in words. */
import type { MessageId, T } from '@/i18n/use-t'
import { full } from '@/lib/time/format'
import type { AuditEntry } from '@/lib/wire/objects'
import { hexOf } from '@/ui/color'

/** The sentence of each action; an action of a later server has none. */
export const actions: Readonly<Record<string, MessageId>> = {
  server_update: 'audit.server_update',
  server_transfer: 'audit.server_transfer',
  channel_create: 'audit.channel_create',
  channel_update: 'audit.channel_update',
  channel_delete: 'audit.channel_delete',
  overwrite_set: 'audit.overwrite_set',
  overwrite_clear: 'audit.overwrite_clear',
  role_create: 'audit.role_create',
  role_update: 'audit.role_update',
  role_delete: 'audit.role_delete',
  role_reorder: 'audit.role_reorder',
  role_assign: 'audit.role_assign',
  role_unassign: 'audit.role_unassign',
  member_kick: 'audit.member_kick',
  member_ban: 'audit.member_ban',
  member_unban: 'audit.member_unban',
  member_purge: 'audit.member_purge',
  member_mute: 'audit.member_mute',
  member_unmute: 'audit.member_unmute',
  member_nickname: 'audit.member_nickname',
  invitation_create: 'audit.invitation_create',
  invitation_revoke: 'audit.invitation_revoke',
  webhook_create: 'audit.webhook_create',
  webhook_update: 'audit.webhook_update',
  webhook_rotate: 'audit.webhook_rotate',
  webhook_delete: 'audit.webhook_delete',
  thread_update: 'audit.thread_update',
  thread_delete: 'audit.thread_delete',
}

/** Whether an action is about a person: its target is named by the profile. */
export const aboutPerson = (action: string): boolean =>
  action.startsWith('member_') || action === 'role_assign' || action === 'role_unassign' || action === 'server_transfer'

/** What each field is called, and what its values are; one of a later server is shown as it is told. */
const fields: Readonly<Record<string, { label: MessageId; of: Kind }>> = {
  name: { label: 'audit.field.name', of: 'text' },
  topic: { label: 'create_channel.topic', of: 'text' },
  description: { label: 'overview.description', of: 'text' },
  nickname: { label: 'member.nickname_label', of: 'text' },
  kind: { label: 'audit.field.kind', of: 'kind' },
  parent_id: { label: 'channel_settings.place', of: 'channel' },
  channel_id: { label: 'audit.field.channel', of: 'channel' },
  system_channel_id: { label: 'audit.field.system_channel', of: 'channel' },
  synced: { label: 'follow.label', of: 'flag' },
  public: { label: 'audit.field.public', of: 'flag' },
  hoist: { label: 'roles.hoist', of: 'flag' },
  mentionable: { label: 'roles.mentionable', of: 'flag' },
  archived: { label: 'audit.field.archived', of: 'flag' },
  locked: { label: 'audit.field.locked', of: 'flag' },
  color: { label: 'roles.color', of: 'color' },
  rights: { label: 'roles.rights', of: 'right' },
  allow: { label: 'audit.field.allow', of: 'right' },
  deny: { label: 'audit.field.deny', of: 'right' },
  role_id: { label: 'audit.field.role', of: 'role' },
  role_ids: { label: 'server_settings.roles', of: 'role' },
  member_id: { label: 'audit.field.member', of: 'person' },
  owner_id: { label: 'member.owner', of: 'person' },
  creator_id: { label: 'audit.field.creator', of: 'person' },
  muted_until: { label: 'audit.field.muted_until', of: 'time' },
  expires_at: { label: 'audit.field.expires_at', of: 'time' },
  since: { label: 'audit.field.since', of: 'time' },
  max_uses: { label: 'audit.field.max_uses', of: 'text' },
}

type Kind = 'text' | 'kind' | 'flag' | 'color' | 'right' | 'role' | 'channel' | 'person' | 'time'

/** How ids are named, and in which language. */
export interface Speaker {
  t: T
  locale: string
  person(id: string): string
  role(id: string): string
  channel(id: string): string
}

/** The people whom an entry speaks of. */
export const peopleIn = (entry: AuditEntry): string[] => [
  entry.actor_id,
  ...(aboutPerson(entry.action) ? [entry.target_id] : []),
  ...entry.changes.filter(({ field }) => fields[field]?.of === 'person').flatMap(({ from, to }) => [...from, ...to]),
]

/** What was changed, a line a field: what it was and is, or what of several was given and taken. */
export function changesOf(speaker: Speaker, { action, changes }: AuditEntry): string[] {
  const { t } = speaker
  return changes.map(({ field, from, to }) => {
    const known = fields[field]
    const label = known === undefined ? field : t(known.label)
    const say = (values: readonly string[]) =>
      values.map((value) => spoken(speaker, known?.of ?? 'text', value)).join(', ')
    if (from.length === 0) return t('audit.set', { field: label, to: say(to) })
    if (to.length === 0) return t('audit.unset', { field: label, from: say(from) })
    const several = (known?.of === 'right' || field === 'role_ids') && action !== 'role_reorder'
    if (!several) return t('audit.change', { field: label, from: say(from), to: say(to) })
    const given = to.filter((one) => !from.includes(one))
    const taken = from.filter((one) => !to.includes(one))
    const parts = [
      given.length > 0 && t('audit.given', { list: say(given) }),
      taken.length > 0 && t('audit.taken', { list: say(taken) }),
    ]
    return t('audit.set', { field: label, to: parts.filter((part) => part !== false).join(', ') })
  })
}

/** One value in words. */
function spoken({ t, locale, person, role, channel }: Speaker, kind: Kind, value: string): string {
  switch (kind) {
    case 'flag':
      return value === 'true' ? t('audit.yes') : t('audit.no')
    case 'color':
      return hexOf(Number(value))
    case 'kind':
      return value === 'category' ? t('channel_settings.place') : value === 'text' ? t('audit.text_channel') : value
    case 'right': {
      const name = `right.${value}` as MessageId
      const words = t(value === 'manage_permissions' ? 'channel_right.manage_permissions' : name)
      // A right of a later server has no words here.
      return words === name ? value : words
    }
    case 'role':
      return role(value)
    case 'channel':
      return channel(value)
    case 'person':
      return person(value)
    case 'time':
      return Number.isNaN(Date.parse(value)) ? value : full(locale, Date.parse(value))
    default:
      return value
  }
}
