/** Questions that more than one screen asks of the state. */
import type { Channel, Member, Message } from '@/lib/wire/objects'
import type { ChannelView, Pending, State } from './state'

const NOTHING: readonly never[] = []

export const pendingOf = (state: State, channelId: string): readonly Pending[] => state.outbox[channelId] ?? NOTHING

/** What to call someone: "" while the profile is on its way. */
export const nameOf = (state: Pick<State, 'users'>, userId: string): string =>
  state.users[userId]?.display_name || state.users[userId]?.username || ''

/** What a place calls someone: the nickname there, else the person's own name. */
export const nameIn = (state: Pick<State, 'members' | 'users'>, serverId: string, userId: string): string =>
  state.members[serverId]?.byId[userId]?.nickname || nameOf(state, userId)

/** The server that a channel belongs to: "" of a channel that is not here. */
export const serverIdOf = (state: State, channelId: string): string =>
  state.channels[channelId]?.channel.server_id ?? ''

export const hasRight = (state: State, channelId: string, right: string): boolean =>
  state.channels[channelId]?.rights.includes(right) ?? false

export const hasServerRight = (state: State, serverId: string, right: string): boolean =>
  state.servers[serverId]?.rights.includes(right) ?? false

/** Whether messages came that this device has not shown. */
export function isUnread(state: State, channelId: string): boolean {
  const read = state.reads[channelId]
  return read !== undefined && (state.windows[channelId]?.n ?? 0) > read
}

/** A category of the sidebar with its channels; the first one has no category. */
export interface ChannelGroup {
  readonly category: Channel | null
  readonly channels: readonly ChannelView[]
}

const byPosition = (a: ChannelView, b: ChannelView) => a.channel.position - b.channel.position

/** The channels of a server as the sidebar shows them. A category that holds nothing visible stays, as a place. */
export function channelGroups(channels: State['channels'], serverId: string): ChannelGroup[] {
  const here = Object.values(channels)
    .filter(({ channel }) => channel.server_id === serverId)
    .sort(byPosition)
  const categories = here.filter(({ channel }) => channel.kind === 'category')
  const texts = here.filter(({ channel }) => channel.kind === 'text')
  const known = new Set(categories.map(({ channel }) => channel.id))
  const inside = (id: string | null) =>
    texts.filter(({ channel }) => (id === null ? !known.has(channel.parent_id) : channel.parent_id === id))
  return [
    { category: null, channels: inside(null) },
    ...categories.map(({ channel }) => ({ category: channel, channels: inside(channel.id) })),
  ]
}

/** The channel to open in a server when none is named. */
export function firstChannel(state: State, serverId: string): string | null {
  const groups = channelGroups(state.channels, serverId)
  return groups.flatMap((group) => group.channels)[0]?.channel.id ?? null
}

export interface MemberGroup {
  /** A role's id, or "online" or "offline". */
  readonly id: string
  /** The role's name; "" for the two others, which have translated ones. */
  readonly name: string
  readonly members: readonly Member[]
}

/** Members online by the highest of their roles that stands for itself, the others online, who is not; by name inside. */
export function memberGroups(
  state: Pick<State, 'members' | 'presence' | 'servers' | 'users'>,
  serverId: string,
): MemberGroup[] {
  const roles = Object.values(state.servers[serverId]?.roles ?? {})
    .filter((role) => role.id !== serverId && role.hoist)
    .sort((a, b) => b.position - a.position)
  const groups = new Map<string, Member[]>()
  for (const member of Object.values(state.members[serverId]?.byId ?? {})) {
    const online = (state.presence[member.user_id] ?? 'offline') !== 'offline'
    const group = online ? (roles.find((role) => member.role_ids.includes(role.id))?.id ?? 'online') : 'offline'
    groups.set(group, [...(groups.get(group) ?? []), member])
  }
  const name = (member: Member) => nameIn(state, serverId, member.user_id)
  const order = [...roles.map((role) => role.id), 'online', 'offline']
  return order.flatMap((id) => {
    const members = groups.get(id)?.toSorted((a, b) => name(a).localeCompare(name(b)))
    return members === undefined ? [] : [{ id, name: roles.find((role) => role.id === id)?.name ?? '', members }]
  })
}

/** The newest message of the user's own in view that is neither deleted nor on its way to be. */
export function lastOwnMessage(state: State, channelId: string): Message | null {
  const window = state.windows[channelId]
  const going = new Set(pendingOf(state, channelId).map((pending) => pending.messageId))
  const id = window?.ids.findLast((one) => {
    const message = window.states.get(one)
    return message !== undefined && message.author_id === state.me?.id && !message.deleted && !going.has(one)
  })
  return (id !== undefined && window?.states.get(id)) || null
}
