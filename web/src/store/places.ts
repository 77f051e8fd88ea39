/** Servers, their roles and members, and channels: how each comes, changes and goes. */
import type { Member, ServerState } from '@/lib/wire/objects'
import { index, without } from './records'
import { noMembers, type ServerView, type State } from './state'

export function addServer(state: State, added: ServerState): State {
  const { id } = added.server
  const view: ServerView = { server: added.server, roles: index(added.roles, (role) => role.id), rights: added.rights }
  const next = {
    ...state,
    servers: { ...state.servers, [id]: view },
    serverOrder: state.serverOrder.includes(id) ? state.serverOrder : [...state.serverOrder, id],
    presence: { ...state.presence, ...Object.fromEntries(added.presences.map((p) => [p.user_id, p.status])) },
  }
  return added.me === null ? next : setMember(next, added.me)
}

export function removeServers(state: State, ids: readonly string[]): State {
  if (ids.length === 0) return state
  const channels = Object.values(state.channels).filter(({ channel }) => ids.includes(channel.server_id))
  const emptied = removeChannels(
    state,
    channels.map(({ channel }) => channel.id),
  )
  return {
    ...emptied,
    servers: without(emptied.servers, ids),
    members: without(emptied.members, ids),
    serverOrder: emptied.serverOrder.filter((id) => !ids.includes(id)),
  }
}

/** Drops all of the channels: what may not be seen must not stay, unsent messages included. */
export function removeChannels(state: State, ids: readonly string[]): State {
  return {
    ...state,
    channels: without(state.channels, ids),
    windows: without(state.windows, ids),
    outbox: without(state.outbox, ids),
    typing: without(state.typing, ids),
    reads: without(state.reads, ids),
    viewing: state.viewing !== null && ids.includes(state.viewing.channelId) ? null : state.viewing,
  }
}

export function setMember(state: State, member: Member): State {
  const known = state.members[member.server_id] ?? noMembers
  const members = { ...known, byId: { ...known.byId, [member.user_id]: member } }
  return { ...state, members: { ...state.members, [member.server_id]: members } }
}

export function removeMember(state: State, serverId: string, userId: string): State {
  const known = state.members[serverId]
  if (known === undefined) return state
  const members = { ...known, byId: without(known.byId, [userId]) }
  return { ...state, members: { ...state.members, [serverId]: members } }
}

/** A role goes from the server and from every member known to have it: no frame tells that for each of them. */
export function removeRole(state: State, serverId: string, roleId: string): State {
  const fewer = withServer(state, serverId, (known) => ({ ...known, roles: without(known.roles, [roleId]) }))
  const having = Object.values(state.members[serverId]?.byId ?? {}).filter(({ role_ids }) => role_ids.includes(roleId))
  return having.reduce(
    (next, member) => setMember(next, { ...member, role_ids: member.role_ids.filter((id) => id !== roleId) }),
    fewer,
  )
}

export function addMembers(state: State, serverId: string, members: readonly Member[], complete: boolean): State {
  if (state.servers[serverId] === undefined) return state
  const known = state.members[serverId] ?? noMembers
  const added = {
    byId: { ...known.byId, ...index(members, (member) => member.user_id) },
    cursor: members.at(-1)?.user_id ?? known.cursor,
    complete,
  }
  return { ...state, members: { ...state.members, [serverId]: added } }
}

export function withServer(state: State, id: string, change: (known: ServerView) => ServerView): State {
  const known = state.servers[id]
  return known === undefined ? state : { ...state, servers: { ...state.servers, [id]: change(known) } }
}
