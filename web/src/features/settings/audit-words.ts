/** The audit log in words. */
import type { MessageId } from '@/i18n/use-t'

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
}

/** Whether an action is about a person: its target is named by the profile. */
export const aboutPerson = (action: string): boolean =>
  action.startsWith('member_') || action === 'role_assign' || action === 'role_unassign' || action === 'server_transfer'
