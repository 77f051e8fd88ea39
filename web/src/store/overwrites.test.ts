import { describe, expect, it } from 'vitest'
import { type Effect, effectOf, type Masks, masksOf, mayOverwrite, sameMask, stanceOf, withStance } from './overwrites'
import { emptyState } from './state'
import { frame, ME, memberOf, play, roleOf, SERVER, serverOf, YOU } from './testing'

const OWNER = '9'
const roles = [
  roleOf('8', { name: 'Lead', rights: ['administrator'] }),
  roleOf('7', { name: 'Crew', rights: ['manage_messages'] }),
  roleOf('6', { name: 'Pilot' }),
  roleOf(SERVER, { position: 0, rights: ['view_channels', 'attach_files'] }),
]
const world = (mine: string[], yours: string[]) => {
  const { server } = serverOf()
  const one = serverOf(SERVER, { server: { ...server, owner_id: OWNER }, roles, me: memberOf(ME, { role_ids: mine }) })
  return play(
    emptyState,
    frame({ op: 'ready', d: { session_id: 's', user: { id: ME, username: 'ada', display_name: '' }, servers: [one] } }),
    frame({ op: 'member_updated', d: { member: memberOf(YOU, { role_ids: yours }) } }),
  )
}
const allow = (...rights: string[]) => ({ allow: rights, deny: [] })
const deny = (...rights: string[]) => ({ allow: [], deny: rights })
const EVERYONE = `role ${SERVER}`
const you = { kind: 'member', id: YOU } as const

describe('what comes of overwrites', () => {
  const state = world([], ['7', '6'])
  const effect = (masks: Masks, right: string) => effectOf(state, SERVER, masks, you, right)
  const cases: [string, Masks, string, Effect][] = [
    ['a role gives it', {}, 'view_channels', { allowed: true, by: 'role', roleId: SERVER }],
    ['a right brings another', {}, 'send_messages', { allowed: true, by: 'role', roleId: '7' }],
    ['nobody gives it', {}, 'manage_webhooks', { allowed: false, by: 'nothing' }],
    [
      'everyone is denied it here',
      { [EVERYONE]: deny('send_messages') },
      'send_messages',
      { allowed: false, by: 'role-here', roleId: SERVER },
    ],
    [
      'a role outweighs everyone',
      { [EVERYONE]: deny('send_messages'), 'role 6': allow('send_messages') },
      'send_messages',
      { allowed: true, by: 'role-here', roleId: '6' },
    ],
    [
      'of two roles the one that allows counts',
      { 'role 7': deny('send_messages'), 'role 6': allow('send_messages') },
      'send_messages',
      { allowed: true, by: 'role-here', roleId: '6' },
    ],
    [
      'the member outweighs the roles',
      { 'role 6': allow('send_messages'), [`member ${YOU}`]: deny('send_messages') },
      'send_messages',
      { allowed: false, by: 'here' },
    ],
    [
      'who does not see it may do nothing',
      { [EVERYONE]: deny('view_channels') },
      'send_messages',
      { allowed: false, by: 'needs', right: 'view_channels' },
    ],
    [
      'files need messages',
      { [EVERYONE]: deny('send_messages') },
      'attach_files',
      { allowed: false, by: 'needs', right: 'send_messages' },
    ],
  ]
  it.each(cases)('%s', (_, masks, right, want) => expect(effect(masks, right)).toEqual(want))

  it('is nothing for an administrator and the owner', () => {
    const masks = { [EVERYONE]: deny('view_channels') }
    expect(effectOf(world([], ['8']), SERVER, masks, you, 'view_channels').by).toBe('administrator')
    expect(effectOf(state, SERVER, masks, { kind: 'member', id: OWNER }, 'view_channels').by).toBe('owner')
  })

  it('of a role is what who has it and no other may do', () => {
    const masks = { [EVERYONE]: deny('view_channels'), 'role 7': allow('view_channels') }
    const of = (id: string) => effectOf(state, SERVER, masks, { kind: 'role', id }, 'view_channels')
    expect(of('6')).toEqual({ allowed: false, by: 'role-here', roleId: SERVER })
    expect(of('7')).toEqual({ allowed: true, by: 'here' })
    expect(of(SERVER)).toEqual({ allowed: false, by: 'here' })
  })
})

describe('a mask', () => {
  it('holds a right once, whatever it was before', () => {
    const mask = withStance(withStance(allow('speak'), 'speak', 'deny'), 'connect', 'allow')
    expect(mask).toEqual({ allow: ['connect'], deny: ['speak'] })
    expect(withStance(mask, 'speak', 'inherit')).toEqual(allow('connect'))
    expect(stanceOf(mask, 'speak')).toBe('deny')
    expect(stanceOf(undefined, 'speak')).toBe('inherit')
  })

  it('is the same in whatever order', () => {
    expect(sameMask(allow('a', 'b'), allow('b', 'a'))).toBe(true)
    expect(sameMask(allow('a'), deny('a'))).toBe(false)
  })

  it('is found by whom it is for', () => {
    const one = { id: '1', channel_id: '2', allow: ['speak'], deny: [] }
    const list = [
      { ...one, role_id: '6', member_id: '0' },
      { ...one, role_id: '0', member_id: YOU },
    ]
    expect(Object.keys(masksOf(list))).toEqual(['role 6', `member ${YOU}`])
  })
})

it('an overwrite is changed from above its target', () => {
  const state = world(['7'], ['6'])
  expect(mayOverwrite(state, SERVER, { kind: 'role', id: '6' })).toBe(true)
  expect(mayOverwrite(state, SERVER, { kind: 'role', id: SERVER })).toBe(true)
  expect(mayOverwrite(state, SERVER, { kind: 'role', id: '7' })).toBe(false)
  expect(mayOverwrite(state, SERVER, { kind: 'role', id: 'gone' })).toBe(false)
  expect(mayOverwrite(state, SERVER, you)).toBe(true)
  expect(mayOverwrite(state, SERVER, { kind: 'member', id: OWNER })).toBe(false)
  expect(mayOverwrite(world([], []), SERVER, { kind: 'role', id: SERVER })).toBe(false)
})
