import { screen, within } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { Problem } from '@/lib/api/problem'
import { SERVER } from '@/store/testing'
import { type Drawing, draw } from '../../../test/draw'
import { InviteDialog } from './invite-dialog'

const words = {
  en: {
    title: 'Invite people to server 100',
    lifetime: 'The link works for',
    days: ['1 day', '7 days', '30 days'],
    create: 'Create link',
    link: 'Invitation link',
    copy: 'Copy link',
    copied: 'Copied',
    close: 'Close',
    forbidden: 'you may not do this here',
    failed: 'That did not work. Try again in a moment.',
  },
  fr: {
    title: 'Inviter des personnes dans server 100',
    lifetime: 'Le lien est valable',
    days: ['1 jour', '7 jours', '30 jours'],
    create: 'Créer le lien',
    link: 'Lien d’invitation',
    copy: 'Copier le lien',
    copied: 'Copié',
    close: 'Fermer',
    forbidden: 'vous n’en avez pas le droit ici',
    failed: 'Cela n’a pas marché. Réessayez dans un instant.',
  },
}
const DAY = 86_400

async function invite(drawing: Drawing = {}) {
  const onClose = vi.fn()
  const createInvitation = vi.fn(async () => ({ code: 'tide4Harbour', server_id: SERVER }))
  const api = { createInvitation, ...drawing.api }
  const drawn = await draw(<InviteDialog serverId={SERVER} onClose={onClose} />, { ...drawing, api })
  return { ...drawn, onClose, createInvitation: api.createInvitation }
}

describe.each(['en', 'fr'] as const)('the invitation dialog, %s', (language) => {
  const say = words[language]

  it('makes a link for a week unless told otherwise, and copies it', async () => {
    const { user, createInvitation } = await invite({ language })
    const dialog = screen.getByRole('dialog', { name: say.title })
    const choices = within(screen.getByRole('radiogroup', { name: say.lifetime })).getAllByRole('radio')
    expect(choices.map((choice) => choice.textContent)).toEqual(say.days)
    await user.click(within(dialog).getByRole('button', { name: say.create }))
    expect(createInvitation).toHaveBeenCalledWith(SERVER, 7 * DAY)
    const link = await screen.findByRole('textbox', { name: say.link })
    expect(link).toHaveProperty('value', `${location.origin}/invite/tide4Harbour`)
    await user.click(screen.getByRole('button', { name: say.copy }))
    expect(await navigator.clipboard.readText()).toBe(`${location.origin}/invite/tide4Harbour`)
    expect(await screen.findByRole('button', { name: say.copied })).toBeDefined()
  })

  it('is used by the keyboard alone', async () => {
    const { user, createInvitation } = await invite({ language })
    screen.getByRole('radio', { name: say.days[1] ?? '' }).focus()
    // Held down, as a finger does: the choice follows the focus, which moves a moment after the key.
    await user.keyboard('{ArrowRight>}')
    expect(await screen.findByRole('radio', { checked: true, name: say.days[2] ?? '' })).toBeDefined()
    await user.keyboard('{/ArrowRight}')
    await user.tab()
    await user.tab()
    expect(document.activeElement).toBe(screen.getByRole('button', { name: say.create }))
    await user.keyboard('{Enter}')
    expect(createInvitation).toHaveBeenCalledWith(SERVER, 30 * DAY)
  })

  it('closes by Escape and by its button', async () => {
    const { user, onClose } = await invite({ language })
    await user.keyboard('{Escape}')
    expect(onClose).toHaveBeenCalledTimes(1)
    await user.click(screen.getByRole('button', { name: say.close }))
    expect(onClose).toHaveBeenCalledTimes(2)
  })

  it.each([
    ['forbidden', 403, say.forbidden],
    ['unavailable', 503, say.failed],
  ])('says why there is no link: %s', async (code, status, text) => {
    const createInvitation = vi.fn(() => Promise.reject(new Problem(code, status)))
    const { user } = await invite({ language, api: { createInvitation } })
    await user.click(screen.getByRole('button', { name: say.create }))
    expect((await screen.findByRole('alert')).textContent).toBe(text)
    // Nothing is lost: the same question, once more.
    await user.click(screen.getByRole('button', { name: say.create }))
    expect(createInvitation).toHaveBeenCalledTimes(2)
  })
})
