import { act, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { Problem } from '@/lib/api/problem'
import { ME, memberOf, roleOf, SERVER, serverOf } from '@/store/testing'
import { draw } from '../../../test/draw'
import { Roles } from './roles'

const words = {
  en: { up: 'Move Pilot up', name: 'Role name', save: 'Save', right: 'Manage members', lacks: 'Administrator' },
  fr: {
    up: 'Monter Pilot',
    name: 'Nom du rôle',
    save: 'Enregistrer',
    right: 'Gérer les membres',
    lacks: 'Administrateur',
  },
}
const rights = ['view_channels', 'manage_roles', 'manage_members']

/** Ada stands at the lead's height, above crew and pilot. */
async function roles(api: Record<string, ReturnType<typeof vi.fn>>, language: 'en' | 'fr' = 'en') {
  const drawn = await draw(<Roles serverId={SERVER} />, { rights, language, api })
  const list = [
    roleOf('8', { name: 'Lead' }),
    roleOf('7', { name: 'Crew', rights: ['manage_members'] }),
    roleOf('6', { name: 'Pilot' }),
    roleOf(SERVER, { position: 0 }),
  ]
  const { server } = serverOf()
  const me = memberOf(ME, { role_ids: ['8'] })
  const d = serverOf(SERVER, { server: { ...server, owner_id: '9' }, roles: list, me, rights })
  act(() => drawn.hear({ op: 'server_added', d }))
  return drawn
}

describe.each(['en', 'fr'] as const)('the roles, %s', (language) => {
  const say = words[language]

  it('change places by the keyboard, and the whole order is told', async () => {
    const reorderRoles = vi.fn(async () => undefined)
    const { user } = await roles({ reorderRoles }, language)
    screen.getByRole('button', { name: say.up }).focus()
    await user.keyboard('{Enter}')
    expect(reorderRoles).toHaveBeenCalledExactlyOnceWith(SERVER, ['8', '6', '7'])
  })

  it('are told what was changed, and no more', async () => {
    const updateRole = vi.fn(async () => undefined)
    const { user } = await roles({ updateRole }, language)
    await user.click(screen.getByRole('button', { name: 'Pilot' }))
    await user.click(screen.getByRole('switch', { name: say.right, checked: false }))
    await user.click(screen.getByRole('button', { name: say.save }))
    expect(updateRole).toHaveBeenCalledExactlyOnceWith(SERVER, '6', { rights: ['manage_members'] })
    await waitFor(() => expect(screen.queryByRole('button', { name: say.save })).toBeNull())
  })

  it('give no right that one lacks', async () => {
    await roles({}, language)
    expect(screen.getByRole('switch', { name: say.lacks }).hasAttribute('disabled')).toBe(true)
  })
})

describe('a role', () => {
  it('that is not below one can be looked at only', async () => {
    const { user } = await roles({})
    await user.click(screen.getByRole('button', { name: 'Lead' }))
    expect(screen.getByRole('textbox', { name: 'Role name' }).hasAttribute('disabled')).toBe(true)
    expect(screen.getAllByRole('switch').every((one) => one.hasAttribute('disabled'))).toBe(true)
  })

  it('keeps what was typed when it is refused, and says why', async () => {
    const updateRole = vi.fn(() => Promise.reject(new Problem('forbidden', 403, 'you need manage_roles')))
    const { user } = await roles({ updateRole })
    await user.click(screen.getByRole('button', { name: 'Crew' }))
    await user.type(screen.getByRole('textbox', { name: 'Role name' }), 's')
    const bar = screen.getByRole('region', { name: 'Unsaved changes' })
    await user.click(within(bar).getByRole('button', { name: 'Save' }))
    expect((await screen.findByRole('alert')).textContent).toBe('You need manage_roles.')
    expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'Role name' }).value).toBe('Crews')
  })
})
