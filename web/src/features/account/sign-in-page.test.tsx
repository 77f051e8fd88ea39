import { screen } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { draw } from '../../../test/draw'
import { SignInPage } from './sign-in-page'

const words = {
  en: {
    action: 'Sign in',
    access_denied: 'The sign-in was cancelled.',
    no_attempt: 'That sign-in was started elsewhere or long ago. Start again.',
    network: 'The sign-in did not work. Try again.',
    unreachable: 'The sign-in service does not answer. Try again in a moment.',
  },
  fr: {
    action: 'Se connecter',
    access_denied: 'La connexion a été annulée.',
    no_attempt: 'Cette connexion a commencé ailleurs ou il y a longtemps. Recommencez.',
    network: 'La connexion n’a pas marché. Réessayez.',
    unreachable: 'Le service de connexion ne répond pas. Réessayez dans un instant.',
  },
}

describe.each(['en', 'fr'] as const)('the door, %s', (language) => {
  const say = words[language]

  it.each(['access_denied', 'no_attempt', 'network'] as const)('says what %s means', async (error) => {
    await draw(<SignInPage returnTo="/" error={error} />, { language })
    expect(screen.getByRole('alert').textContent).toBe(say[error])
  })

  it('has nothing to say to whoever just arrived', async () => {
    await draw(<SignInPage returnTo="/" error={null} />, { language })
    expect(screen.queryByRole('alert')).toBeNull()
    expect(screen.getByRole('heading', { level: 1 }).textContent).toBe(say.action)
  })

  it('leads to the provider by the keyboard, and back to where one wanted to go', async () => {
    const { user, session } = await draw(<SignInPage returnTo="/invite/tide" error={null} />, { language })
    await user.tab()
    expect(document.activeElement).toBe(screen.getByRole('button', { name: say.action }))
    await user.keyboard('{Enter}')
    expect(session.login).toHaveBeenCalledWith('/invite/tide')
  })

  it('tells when the provider does not answer, and not any more once it is tried again', async () => {
    const login = vi.fn(async () => undefined).mockRejectedValueOnce(new TypeError('network'))
    const { user } = await draw(<SignInPage returnTo="/" error={null} />, { language, session: { login } })
    const button = screen.getByRole('button', { name: say.action })
    await user.click(button)
    expect((await screen.findByRole('alert')).textContent).toBe(say.unreachable)
    await user.click(button)
    expect(screen.queryByRole('alert')).toBeNull()
  })
})
