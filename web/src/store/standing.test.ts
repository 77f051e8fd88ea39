/** The rules are those of perm/permref/hierarchy.go: every sentence of it that a screen relies on has its case here. */
import { describe, expect, it } from 'vitest'
import { colorIn, heightOf, mayActOn, mayAssign, mayBan, mayChangeRole, mayRename, rolesOf } from './standing'
import type { State } from './state'
import { frame, ME, memberOf, play, roleOf, SERVER, serverOf, started } from './testing'

const EQUAL = '3'
const BELOW = '4'
const OWNER = '9'
const moderator = roleOf('8', { position: 8, rights: ['manage_members'], color: 0 })
const crew = roleOf('7', { position: 7, color: 0x1abc9c })
const strong = roleOf('6', { position: 6, rights: ['administrator'], color: 0xff0000 })
const everyone = roleOf(SERVER, { position: 0, rights: ['send_messages'] })

/** The user with the moderator role among an owner, an equal and somebody below. */
function among(rights: string[], owner = OWNER): State {
  const { server } = serverOf()
  return play(
    started,
    frame({
      op: 'server_added',
      d: serverOf(SERVER, {
        server: { ...server, owner_id: owner },
        roles: [everyone, moderator, crew, strong],
        rights,
        me: memberOf(ME, { role_ids: ['8'] }),
      }),
    }),
    {
      type: 'members',
      serverId: SERVER,
      complete: true,
      members: [memberOf(EQUAL, { role_ids: ['8'] }), memberOf(BELOW, { role_ids: ['6', '7'] }), memberOf(OWNER)],
    },
  )
}
const all = ['manage_roles', 'manage_members', 'manage_nicknames', 'change_nickname', 'send_messages']

describe('a role', () => {
  it('stands by its position, and everyone last', () =>
    expect(rolesOf(among([]), SERVER).map(({ id }) => id)).toEqual(['8', '7', '6', SERVER]))

  it('colors a name if it is the highest that has a color', () => {
    const state = among([])
    expect([colorIn(state, SERVER, BELOW), colorIn(state, SERVER, ME)]).toEqual([0x1abc9c, 0])
  })
})

describe('acting on a member', () => {
  it('is for who holds the right and stands above', () => {
    expect(mayActOn(among(all), SERVER, BELOW, 'manage_members')).toBe(true)
    expect(mayActOn(among(['manage_roles']), SERVER, BELOW, 'manage_members')).toBe(false)
  })

  it('is for nobody on the owner, on an equal, on oneself or on who is no member', () => {
    const state = among(all)
    for (const id of [OWNER, EQUAL, ME, '77']) expect(mayActOn(state, SERVER, id, 'manage_members')).toBe(false)
  })

  it('reaches by a ban who is no member, and nobody else whom it does not reach', () => {
    const state = among(all)
    expect([BELOW, '77', OWNER, EQUAL, ME].map((id) => mayBan(state, SERVER, id))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    expect(mayBan(among(['manage_roles']), SERVER, '77')).toBe(false)
  })

  it('is for the owner on everyone else', () => {
    const state = among(all, ME)
    expect(heightOf(state, SERVER, ME)).toBe(Number.POSITIVE_INFINITY)
    expect([EQUAL, BELOW].every((id) => mayActOn(state, SERVER, id, 'manage_members'))).toBe(true)
  })
})

describe('another name', () => {
  it('for oneself takes a right of its own', () => {
    expect(mayRename(among(['change_nickname']), SERVER, ME)).toBe(true)
    expect(mayRename(among([]), SERVER, ME)).toBe(false)
  })

  it('for others takes the hierarchy too', () => {
    const state = among(['manage_nicknames'])
    expect([BELOW, EQUAL].map((id) => mayRename(state, SERVER, id))).toEqual([true, false])
  })
})

describe('roles', () => {
  it('are changed by who stands above them and holds all that they give', () => {
    const state = among(all)
    expect([moderator, crew, strong, everyone].map((role) => mayChangeRole(state, role))).toEqual([
      false,
      true,
      false,
      true,
    ])
    expect(mayChangeRole(among(['manage_members']), crew)).toBe(false)
    expect(mayChangeRole(among(all, ME), strong)).toBe(true)
  })

  it('are given by who holds all their rights, and taken without', () => {
    const state = among(all)
    expect(mayAssign(state, crew, BELOW)).toBe(true)
    expect(mayAssign(state, strong, ME)).toBe(false)
    // Somebody has the strong role: to take it gives no right.
    expect(mayAssign(state, strong, BELOW)).toBe(true)
    const bare = play(state, frame({ op: 'member_updated', d: { member: memberOf(BELOW) } }))
    expect(mayAssign(bare, strong, BELOW)).toBe(false)
  })

  it('are given to nobody from beside, and the one of everyone never', () => {
    const state = among(all)
    expect([mayAssign(state, crew, EQUAL), mayAssign(state, moderator, BELOW)]).toEqual([false, false])
    expect(mayAssign(state, everyone, BELOW)).toBe(false)
    expect(mayAssign(among([]), crew, BELOW)).toBe(false)
  })
})
