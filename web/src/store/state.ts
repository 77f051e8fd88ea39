/** The whole client state that servers and sockets change. It changes in apply.ts and nowhere else. */
import type { Problem } from '@/lib/api/problem'
import type { Phase } from '@/lib/rt/machine'
import type { Channel, Member, Profile, Role, Server } from '@/lib/wire/objects'
import type { ChannelWindow } from './window'

/** A server as the signed-in user sees it. */
export interface ServerView {
  readonly server: Server
  readonly roles: Readonly<Record<string, Role>>
  readonly rights: readonly string[]
}

/** The members known so far. */
export interface Members {
  readonly byId: Readonly<Record<string, Member>>
  /** The greatest user id of the pages read; "" before the first. */
  readonly cursor: string
  /** Whether every page was read. */
  readonly complete: boolean
}

export interface ChannelView {
  readonly channel: Channel
  readonly rights: readonly string[]
}

/** A change of the user's own that the log has not confirmed yet. */
export interface Pending {
  readonly nonce: string
  readonly kind: 'create' | 'edit' | 'delete'
  /** The message changed; "" for a create. */
  readonly messageId: string
  readonly content: string
  /** When it was written, for display. */
  readonly at: number
  /**
   * waiting: to be tried (again); acked: done, its entry is still on the way; failed: given up, the user decides.
   */
  readonly status: 'waiting' | 'acked' | 'failed'
  /** Why it failed. */
  readonly problem: Problem | null
  /** The r of its entry once acknowledged, else 0. */
  readonly v: number
}

/** The channel on the screen. */
export interface Viewing {
  readonly channelId: string
  /** Messages with a greater n were new when it was opened; null when none were. */
  readonly newAfter: number | null
}

export interface State {
  readonly phase: Phase
  /** Whether a ready was seen since sign-in: until then lists are unknown, not empty. */
  readonly ready: boolean
  readonly me: Profile | null
  readonly serverOrder: readonly string[]
  readonly servers: Readonly<Record<string, ServerView>>
  readonly members: Readonly<Record<string, Members>>
  readonly channels: Readonly<Record<string, ChannelView>>
  readonly windows: Readonly<Record<string, ChannelWindow>>
  readonly outbox: Readonly<Record<string, readonly Pending[]>>
  readonly users: Readonly<Record<string, Profile>>
  readonly presence: Readonly<Record<string, string>>
  /** By channel and user: until when (milliseconds) the user counts as typing. */
  readonly typing: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** By channel: the n up to which this device has shown the messages. */
  readonly reads: Readonly<Record<string, number>>
  readonly viewing: Viewing | null
}

export const emptyState: State = {
  phase: 'stopped',
  ready: false,
  me: null,
  serverOrder: [],
  servers: {},
  members: {},
  channels: {},
  windows: {},
  outbox: {},
  users: {},
  presence: {},
  typing: {},
  reads: {},
  viewing: null,
}

export const noMembers: Members = { byId: {}, cursor: '', complete: false }
