/**
 * What the signed-in user may do to whom: rights and hierarchy as the server judges them, for what is offered. The
 * server has the last word all the same.
 */
import type { Member, Role } from '@/lib/wire/objects'
import type { State } from './state'

type People = Pick<State, 'me' | 'members' | 'servers'>

const memberIn = (state: Pick<State, 'members'>, serverId: string, userId: string): Member | undefined =>
  state.members[serverId]?.byId[userId]

/** The roles of a server, highest first; the one of everyone last. */
export const rolesOf = (state: Pick<State, 'servers'>, serverId: string): Role[] =>
  Object.values(state.servers[serverId]?.roles ?? {}).sort((a, b) => b.position - a.position)

/** The roles that someone has besides everyone's, highest first. */
export const rolesOfMember = (state: Pick<State, 'members' | 'servers'>, serverId: string, userId: string): Role[] => {
  const ids = memberIn(state, serverId, userId)?.role_ids ?? []
  return rolesOf(state, serverId).filter((role) => ids.includes(role.id))
}

/** 0xRRGGBB of the highest role that has a color; 0 is the color of text. */
export const colorIn = (state: Pick<State, 'members' | 'servers'>, serverId: string, userId: string): number =>
  rolesOfMember(state, serverId, userId).find((role) => role.color !== 0)?.color ?? 0

export const isOwner = (state: Pick<State, 'servers'>, serverId: string, userId: string): boolean =>
  state.servers[serverId]?.server.owner_id === userId

/** How high someone stands: by the highest role, the owner above all of them. */
export function heightOf(state: Pick<State, 'members' | 'servers'>, serverId: string, userId: string): number {
  if (isOwner(state, serverId, userId)) return Number.POSITIVE_INFINITY
  return rolesOfMember(state, serverId, userId)[0]?.position ?? 0
}

const rightsIn = (state: Pick<State, 'servers'>, serverId: string): readonly string[] =>
  state.servers[serverId]?.rights ?? []

/** Whether the user may do to someone what takes a right: the owner may be touched by nobody, others from above. */
export function mayActOn(state: People, serverId: string, userId: string, right: string): boolean {
  const me = state.me?.id ?? ''
  if (me === '' || userId === me || isOwner(state, serverId, userId)) return false
  if (memberIn(state, serverId, userId) === undefined || !rightsIn(state, serverId).includes(right)) return false
  return isOwner(state, serverId, me) || heightOf(state, serverId, userId) < heightOf(state, serverId, me)
}

/** Whether the user may ban someone there: a member like any other act, and who has left without being above them. */
export function mayBan(state: People, serverId: string, userId: string): boolean {
  if (memberIn(state, serverId, userId) !== undefined) return mayActOn(state, serverId, userId, 'manage_members')
  return userId !== state.me?.id && rightsIn(state, serverId).includes('manage_members')
}

/** Whether the user may give someone another name there. */
export function mayRename(state: People, serverId: string, userId: string): boolean {
  if (userId === state.me?.id) return rightsIn(state, serverId).includes('change_nickname')
  return mayActOn(state, serverId, userId, 'manage_nicknames')
}

/** Whether the user may change, move or delete a role: one below their own, whose rights they all hold. */
export function mayChangeRole(state: People, role: Role): boolean {
  const me = state.me?.id ?? ''
  const held = rightsIn(state, role.server_id)
  if (!held.includes('manage_roles')) return false
  if (isOwner(state, role.server_id, me)) return true
  return role.position < heightOf(state, role.server_id, me) && role.rights.every((right) => held.includes(right))
}

/** Whether the user may give someone a role, or take it: to give takes every right of the role. */
export function mayAssign(state: People, role: Role, userId: string): boolean {
  const { server_id: serverId } = role
  const me = state.me?.id ?? ''
  const member = memberIn(state, serverId, userId)
  const held = rightsIn(state, serverId)
  if (member === undefined || role.id === serverId) return false
  if (!held.includes('manage_roles') && !held.includes('manage_members')) return false
  if (isOwner(state, serverId, me)) return true
  const height = heightOf(state, serverId, me)
  if (role.position >= height || heightOf(state, serverId, userId) >= height) return false
  return member.role_ids.includes(role.id) || role.rights.every((right) => held.includes(right))
}
