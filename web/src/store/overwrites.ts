/**
 * What a channel says about rights, and what comes of it: the rules of the server's perm package, to show why someone
 * may do something. The server has the last word all the same.
 */
import type { Overwrite, Role } from '@/lib/wire/objects'
import { heightOf, isOwner, rolesOf, rolesOfMember } from './standing'
import type { State } from './state'

/** What an overwrite allows and denies; what is in neither comes from elsewhere. */
export type Mask = Pick<Overwrite, 'allow' | 'deny'>
export type Stance = 'deny' | 'inherit' | 'allow'

/** A role or a member that an overwrite is for. */
export interface Target {
  readonly kind: 'role' | 'member'
  readonly id: string
}

export const keyOf = ({ kind, id }: Target): string => `${kind} ${id}`

export function targetOf(key: string): Target {
  const [kind, id = ''] = key.split(' ')
  return { kind: kind === 'member' ? 'member' : 'role', id }
}

export const NO_MASK: Mask = { allow: [], deny: [] }

/** Masks by the key of whom they are for. */
export type Masks = Readonly<Record<string, Mask>>

export const masksOf = (list: readonly Overwrite[]): Masks =>
  Object.fromEntries(
    list.map((one) => [
      one.role_id === '0' ? `member ${one.member_id}` : `role ${one.role_id}`,
      { allow: one.allow, deny: one.deny },
    ]),
  )

export const stanceOf = (mask: Mask | undefined, right: string): Stance =>
  mask?.allow.includes(right) ? 'allow' : mask?.deny.includes(right) ? 'deny' : 'inherit'

/** The mask with one right put otherwise. */
export function withStance(mask: Mask, right: string, stance: Stance): Mask {
  const others = (list: readonly string[]) => list.filter((one) => one !== right)
  return {
    allow: stance === 'allow' ? [...others(mask.allow), right] : others(mask.allow),
    deny: stance === 'deny' ? [...others(mask.deny), right] : others(mask.deny),
  }
}

const sameNames = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((one) => b.includes(one))

export const sameMask = (a: Mask, b: Mask): boolean => sameNames(a.allow, b.allow) && sameNames(a.deny, b.deny)

/** Whether someone may do something, and what decides it. */
export type Effect =
  | { readonly allowed: boolean; readonly by: 'owner' | 'administrator' | 'here' | 'nothing' }
  /** A role of the target, by its own rights or by what the channel says of it. */
  | { readonly allowed: boolean; readonly by: 'role' | 'role-here'; readonly roleId: string }
  /** Nothing without another right. */
  | { readonly allowed: false; readonly by: 'needs'; readonly right: string }

type People = Pick<State, 'members' | 'servers'>

/** What each right is nothing without. */
const needs: Readonly<Record<string, string>> = { attach_files: 'send_messages', speak: 'connect' }

/** What holding a right on the server brings with it. */
const implied: Readonly<Record<string, string>> = {
  manage_channels: 'manage_server',
  send_messages: 'manage_messages',
}

const gives = (role: Role, right: string): boolean =>
  role.rights.includes(right) || (implied[right] !== undefined && role.rights.includes(implied[right]))

/** Whether a target may do something in a channel with these masks. Of a role: who has it and no other. */
export function effectOf(state: People, serverId: string, masks: Masks, target: Target, right: string): Effect {
  if (target.kind === 'member' && isOwner(state, serverId, target.id)) return { allowed: true, by: 'owner' }
  const all = rolesOf(state, serverId)
  const everyone = all.filter((role) => role.id === serverId)
  const own =
    target.kind === 'member'
      ? rolesOfMember(state, serverId, target.id)
      : all.filter((role) => role.id === target.id && role.id !== serverId)
  const roles = [...own, ...everyone]
  if (roles.some((role) => role.rights.includes('administrator'))) return { allowed: true, by: 'administrator' }
  const decide = (one: string): Effect => fromMasks(masks, target, own, serverId, one) ?? fromRoles(roles, one)
  for (const other of ['view_channels', needs[right]])
    if (other !== undefined && other !== right && !decide(other).allowed)
      return { allowed: false, by: 'needs', right: other }
  return decide(right)
}

/** What the channel itself says: of the target, else of a role of theirs, else of everyone. */
function fromMasks(
  masks: Masks,
  target: Target,
  own: readonly Role[],
  everyoneId: string,
  right: string,
): Effect | null {
  const here = stanceOf(masks[keyOf(target)], right)
  if (here !== 'inherit') return { allowed: here === 'allow', by: 'here' }
  const said = (stance: Stance) => own.find((role) => stanceOf(masks[`role ${role.id}`], right) === stance)
  // One role that allows outweighs all that deny.
  const role = said('allow') ?? said('deny')
  const decided = role?.id ?? everyoneId
  const stance = stanceOf(masks[`role ${decided}`], right)
  return stance === 'inherit' ? null : { allowed: stance === 'allow', by: 'role-here', roleId: decided }
}

function fromRoles(roles: readonly Role[], right: string): Effect {
  const role = roles.find((one) => gives(one, right))
  return role === undefined ? { allowed: false, by: 'nothing' } : { allowed: true, by: 'role', roleId: role.id }
}

/** Whether the user stands above a target, as whoever changes its overwrite must. */
export function mayOverwrite(state: Pick<State, 'me'> & People, serverId: string, target: Target): boolean {
  const me = state.me?.id ?? ''
  if (isOwner(state, serverId, me)) return true
  const height = heightOf(state, serverId, me)
  if (target.kind === 'member')
    return !isOwner(state, serverId, target.id) && heightOf(state, serverId, target.id) < height
  const role = state.servers[serverId]?.roles[target.id]
  return role !== undefined && role.position < height
}
