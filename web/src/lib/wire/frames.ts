/** The frames of docs/realtime.md. A frame that we do not know is skipped, one that is damaged is reported. */
import * as v from 'valibot'
import { channel, entry, member, presence, profile, role, server, serverState } from './objects'

const id = v.pipe(v.string(), v.regex(/^\d{1,20}$/))
const names = v.optional(v.array(v.string()), [])
const r = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0)

const payloads = {
  hello: v.object({ heartbeat_interval: v.pipe(v.number(), v.minValue(1)) }),
  ready: v.object({
    session_id: v.optional(v.string(), ''),
    user: profile,
    servers: v.optional(v.array(serverState), []),
  }),
  heartbeat_ack: v.object({}),
  server_added: serverState,
  server_updated: v.object({ server }),
  server_removed: v.object({ server_id: id }),
  rights_updated: v.object({ server_id: id, rights: names }),
  // Threads and direct messages come in the same frames, without a channel.
  channel_added: v.object({ channel: v.optional(channel), rights: names }),
  channel_updated: v.object({ channel: v.optional(channel), rights: names }),
  channel_removed: v.object({ channel_id: id }),
  direct_closed: v.object({ channel_id: id, closed: v.optional(v.boolean(), false), r }),
  thread_joined: v.object({ thread_id: id }),
  thread_left: v.object({ thread_id: id }),
  role_updated: v.object({ role }),
  role_removed: v.object({ server_id: id, role_id: id }),
  member_updated: v.object({ member }),
  member_removed: v.object({ server_id: id, user_id: id }),
  entries: v.object({ channel_id: id, entries: v.optional(v.array(entry), []) }),
  delta: v.object({
    channel_id: id,
    reset: v.optional(v.boolean(), false),
    head: r,
    entries: v.optional(v.array(entry), []),
    answer: v.optional(v.boolean(), false),
  }),
  typing: v.object({ channel_id: id, user_id: id }),
  presence,
  token_expiring: v.object({ expires_in: r }),
  drain: v.object({ spread: r }),
  error: v.object({
    code: v.string(),
    message: v.optional(v.string(), ''),
    op: v.optional(v.string(), ''),
    channel_id: v.optional(v.string(), '0'),
  }),
}

type Payloads = typeof payloads
type Op = keyof Payloads

/** A frame from the server, told apart by op. */
export type ServerFrame = { [K in Op]: { op: K; d: v.InferOutput<Payloads[K]> } }[Op]

/** A frame to the server. */
export type ClientFrame =
  | { op: 'identify'; d: { token: string; channels: Record<string, number>; status: Status } }
  | { op: 'heartbeat'; d: Record<string, never> }
  | { op: 'token'; d: { token: string } }
  | { op: 'since'; d: { channel_id: string; r: number } }
  | { op: 'typing'; d: { channel_id: string } }
  | { op: 'presence'; d: { status: Status } }

/** What a user may choose to be seen as. */
export type Status = 'online' | 'idle' | 'dnd' | 'invisible'

const envelope = v.object({ op: v.string(), d: v.optional(v.unknown(), {}) })

/** What became of a received text: a frame, one of a later protocol to skip, or damage with its reason. */
export type Decoded = { frame: ServerFrame } | { unknown: string } | { damaged: string }

const isOp = (op: string): op is Op => Object.hasOwn(payloads, op)

/** Parses one received text. Never throws. */
export function decodeFrame(text: string): Decoded {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return { damaged: 'not JSON' }
  }
  const outer = v.safeParse(envelope, raw)
  if (!outer.success) return { damaged: 'no op' }
  const { op, d } = outer.output
  if (!isOp(op)) return { unknown: op }
  const parsed = v.safeParse(payloads[op], d)
  if (!parsed.success) return { damaged: `${op}: ${v.flatten(parsed.issues).root?.[0] ?? parsed.issues[0].message}` }
  // op and output come from the same row of the table, which the compiler cannot follow.
  return { frame: { op, d: parsed.output } as ServerFrame }
}
