import { act, fireEvent, screen } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { draw } from '../../../test/draw'
import { ConnectionBanner } from './connection-banner'

const words = {
  en: {
    again: 'Connecting again. What you write is kept and sent later.',
    offline: 'Offline for 2 minutes',
    now: 'Try now',
    back: 'Back online, nothing was missed',
  },
  fr: {
    again: 'Reconnexion. Ce que vous écrivez est gardé et partira ensuite.',
    offline: 'Hors ligne depuis 2 minutes',
    now: 'Réessayer',
    back: 'De nouveau en ligne, rien n’a été manqué',
  },
}

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] }))
afterEach(() => vi.useRealTimers())

const status = () => screen.queryByRole('status')?.textContent ?? null
const pass = (ms: number) => act(() => vi.advanceTimersByTime(ms))

describe.each(['en', 'fr'] as const)('the banner of a lost connection, %s', (language) => {
  const say = words[language]

  it('says nothing of a loss shorter than a second', async () => {
    const { engine } = await draw(<ConnectionBanner />, { language })
    act(() => engine.onPhase('waiting'))
    pass(900)
    expect(status()).toBeNull()
    act(() => engine.onPhase('online'))
    pass(5_000)
    expect(status()).toBeNull()
  })

  it('tells of the loss, of its length, and of its end for a moment', async () => {
    const { engine } = await draw(<ConnectionBanner />, { language })
    act(() => engine.onPhase('waiting'))
    pass(1_000)
    expect(status()).toBe(say.again)
    pass(120_000)
    expect(status()).toContain(say.offline)
    act(() => engine.onPhase('online'))
    expect(status()).toBe(say.back)
    pass(2_500)
    expect(status()).toBeNull()
  })

  it('lets one try at once, after half a minute', async () => {
    const { engine, realtime } = await draw(<ConnectionBanner />, { language })
    act(() => engine.onPhase('opening'))
    pass(29_000)
    expect(screen.queryByRole('button')).toBeNull()
    pass(1_000)
    fireEvent.click(screen.getByRole('button', { name: say.now }))
    expect(realtime.nudge).toHaveBeenCalledTimes(1)
  })
})
