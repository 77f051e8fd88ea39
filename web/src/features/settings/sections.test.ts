import { describe, expect, it } from 'vitest'
import { sectionsFor } from './sections'

describe('the sections of the settings', () => {
  const ids = (...rights: string[]) => sectionsFor(rights).map(({ id }) => id)

  it('are those that a right opens', () => {
    expect(ids('manage_server')).toEqual(['overview', 'audit'])
    expect(ids('manage_members')).toEqual(['members', 'bans'])
    expect(ids('manage_roles')).toEqual(['roles', 'members'])
    expect(ids('manage_invitations')).toEqual(['invitations'])
  })

  it('are none without one', () => expect(ids('view_channels', 'send_messages')).toEqual([]))
})
