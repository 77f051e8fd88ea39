import { fireEvent, screen } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { saveDraft } from '@/store/drafts'
import { CHANNEL } from '@/store/testing'
import { draw, type Language } from '../../../test/draw'
import { Composer } from './composer'

const words = {
  en: { area: 'Message #deck', send: 'Send', left: '1 character left', over: '2 characters too many' },
  fr: { area: 'Écrire dans #deck', send: 'Envoyer', left: '1 caractère restant', over: '2 caractères de trop' },
}

async function compose(language: Language = 'en', limit = 4000) {
  const onEditLast = vi.fn()
  const drawn = await draw(<Composer channelId={CHANNEL} channelName="deck" limit={limit} onEditLast={onEditLast} />, {
    language,
  })
  const area = screen.getByRole('textbox', { name: words[language].area })
  const button = screen.getByRole('button', { name: words[language].send })
  const sent = () => drawn.calls.sendMessage.mock.calls.map(([, content]) => content)
  return { ...drawn, area, button, sent, onEditLast }
}

describe.each(['en', 'fr'] as const)('the composer, %s', (language) => {
  it('sends what was written by Enter, and is empty again', async () => {
    const { user, area, sent } = await compose(language)
    await user.type(area, '  Low tide at six {Enter}')
    expect(sent()).toEqual(['Low tide at six'])
    expect(area).toHaveProperty('value', '')
  })

  it('sends by its button too, and the focus comes back', async () => {
    const { user, area, button, sent } = await compose(language)
    await user.type(area, 'Low tide')
    await user.click(button)
    expect(sent()).toEqual(['Low tide'])
    expect(document.activeElement).toBe(area)
  })

  it('counts what is left near the limit, and refuses to send more', async () => {
    const { user, area, button, sent } = await compose(language, 5)
    await user.type(area, '1234')
    expect(screen.getByRole('status').textContent).toBe(words[language].left)
    // An emoji is one character, as the server counts.
    await user.type(area, '🌊67')
    expect(screen.getByRole('status').textContent).toBe(words[language].over)
    expect(button).toHaveProperty('disabled', true)
    await user.type(area, '{Enter}')
    expect(sent()).toEqual([])
  })
})

describe('the keyboard', () => {
  it('starts a line by Shift and Enter', async () => {
    const { user, area, sent } = await compose()
    await user.type(area, 'one{Shift>}{Enter}{/Shift}two')
    expect(area).toHaveProperty('value', 'one\ntwo')
    expect(sent()).toEqual([])
  })

  it('leaves Enter and Up to an input method that composes', async () => {
    const { user, area, sent, onEditLast } = await compose()
    fireEvent.keyDown(area, { key: 'ArrowUp', isComposing: true })
    await user.type(area, 'かんじ')
    fireEvent.keyDown(area, { key: 'Enter', isComposing: true })
    expect(sent()).toEqual([])
    expect(onEditLast).not.toHaveBeenCalled()
  })

  it('edits the last message by Up, when nothing is written', async () => {
    const { user, area, onEditLast } = await compose()
    await user.type(area, 'x{ArrowUp}')
    expect(onEditLast).not.toHaveBeenCalled()
    await user.type(area, '{Backspace}{ArrowUp}')
    expect(onEditLast).toHaveBeenCalledTimes(1)
  })

  it('leaves by Escape, and reaches the button by Tab', async () => {
    const { user, area, button } = await compose()
    await user.type(area, 'x{Escape}')
    expect(document.activeElement).toBe(document.body)
    await user.click(area)
    await user.tab()
    expect(document.activeElement).toBe(button)
  })

  it.each(['', '   ', '\n'])('sends nothing when %j is written', async (text) => {
    const { area, sent, button } = await compose()
    fireEvent.change(area, { target: { value: text } })
    fireEvent.keyDown(area, { key: 'Enter' })
    expect(button).toHaveProperty('disabled', true)
    expect(sent()).toEqual([])
  })
})

describe('a draft', () => {
  it('is kept while it is written and gone once it is sent', async () => {
    const { user, area, services } = await compose()
    await user.type(area, 'Half')
    expect(services.storage.getItem(`beep:draft:${CHANNEL}`)).toBe('Half')
    await user.type(area, ' a thought{Enter}')
    expect(services.storage.getItem(`beep:draft:${CHANNEL}`)).toBeNull()
  })

  it('stands there when the channel opens', async () => {
    // Kept after the storage of the test was emptied, before the composer is drawn.
    const Later = () => {
      saveDraft(localStorage, CHANNEL, 'Half a thought')
      return <Composer channelId={CHANNEL} channelName="deck" limit={4000} onEditLast={() => undefined} />
    }
    await draw(<Later />)
    expect(screen.getByRole('textbox')).toHaveProperty('value', 'Half a thought')
  })
})
