/** The rights of perm/rights.go, in the order in which screens list them. */

/** What a role may hold. */
export const roleRights = [
  'administrator',
  'manage_server',
  'manage_roles',
  'manage_channels',
  'manage_members',
  'manage_nicknames',
  'manage_invitations',
  'manage_webhooks',
  'view_channels',
  'send_messages',
  'attach_files',
  'manage_messages',
  'change_nickname',
  'connect',
  'speak',
  'mute_members',
] as const

export type RoleRight = (typeof roleRights)[number]

/** What a channel may allow or deny a role or a member. */
export const channelRights = [
  'view_channels',
  'manage_channels',
  'manage_permissions',
  'manage_webhooks',
  'send_messages',
  'manage_messages',
  'attach_files',
  'connect',
  'speak',
] as const

export type ChannelRight = (typeof channelRights)[number]
