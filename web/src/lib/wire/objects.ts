/**
 * The objects that REST and the socket share, parsed, not cast. The server leaves empty fields out, so every
 * field that may be empty has its default here and nobody else needs to think of it.
 */
import * as v from 'valibot'

/** An id is 64 bits: a decimal string always, since a number would lose its last digits. */
const id = v.pipe(v.string(), v.regex(/^\d{1,20}$/))
const idOrNone = v.optional(v.string(), '0')
const text = v.optional(v.string(), '')
const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0)
const names = v.optional(v.array(v.string()), [])
const time = v.optional(v.nullable(v.string()), null)

export const profile = v.object({ id, username: text, display_name: text })
export const user = v.object({ id, username: text, display_name: text, email: text })
export const server = v.object({ id, name: text, description: text, owner_id: idOrNone })
const flag = v.optional(v.boolean(), false)

export const role = v.object({
  id,
  server_id: id,
  name: text,
  position: count,
  rights: names,
  /** 0xRRGGBB; 0 is the color of text. */
  color: count,
  hoist: flag,
  mentionable: flag,
})
export const member = v.object({
  user_id: id,
  server_id: id,
  role_ids: v.optional(v.array(id), []),
  joined_at: time,
  nickname: text,
  /** Null when not muted: a mute ends by a change that says so, never by our clock. */
  muted_until: time,
})
export const channel = v.object({
  id,
  server_id: id,
  kind: v.optional(v.string(), 'text'),
  name: text,
  topic: text,
  parent_id: idOrNone,
  position: count,
  /** Whether it follows its category's overwrites instead of its own. */
  synced: flag,
})
export const message = v.object({
  id,
  channel_id: id,
  author_id: idOrNone,
  content: text,
  created_at: time,
  edited_at: time,
  nonce: text,
  n: count,
  v: count,
  deleted: v.optional(v.boolean(), false),
})
export const entry = v.object({
  r: v.pipe(v.number(), v.integer(), v.minValue(1)),
  kind: v.string(),
  actor_id: idOrNone,
  nonce: text,
  message,
})
export const invitation = v.object({
  code: v.string(),
  server_id: id,
  creator_id: idOrNone,
  max_uses: count,
  uses: count,
  expires_at: time,
})
export const overwrite = v.object({
  id,
  channel_id: id,
  role_id: idOrNone,
  member_id: idOrNone,
  allow: names,
  deny: names,
})
export const ban = v.object({ id, server_id: id, user_id: id, actor_id: idOrNone, reason: text, created_at: time })
export const auditEntry = v.object({
  id,
  actor_id: idOrNone,
  action: v.string(),
  target_id: idOrNone,
  changes: v.optional(v.array(v.object({ field: v.string(), from: names, to: names })), []),
  reason: text,
  created_at: time,
})
export const preview = v.object({ code: text, server_id: id, server_name: text, member_count: count })
export const presence = v.object({ user_id: id, status: text })
export const serverState = v.object({
  server,
  roles: v.optional(v.array(role), []),
  me: v.optional(v.nullable(member), null),
  rights: names,
  presences: v.optional(v.array(presence), []),
})
export const page = v.object({
  messages: v.optional(v.array(message), []),
  head: count,
  has_before: v.optional(v.boolean(), false),
  has_after: v.optional(v.boolean(), false),
})

export type Profile = v.InferOutput<typeof profile>
export type User = v.InferOutput<typeof user>
export type Server = v.InferOutput<typeof server>
export type Role = v.InferOutput<typeof role>
export type Member = v.InferOutput<typeof member>
export type Channel = v.InferOutput<typeof channel>
export type Message = v.InferOutput<typeof message>
export type Entry = v.InferOutput<typeof entry>
export type Invitation = v.InferOutput<typeof invitation>
export type Overwrite = v.InferOutput<typeof overwrite>
export type Ban = v.InferOutput<typeof ban>
export type AuditEntry = v.InferOutput<typeof auditEntry>
export type Preview = v.InferOutput<typeof preview>
export type ServerState = v.InferOutput<typeof serverState>
export type Page = v.InferOutput<typeof page>
