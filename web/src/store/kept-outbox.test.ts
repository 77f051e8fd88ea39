import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Api } from '@/lib/api/client'
import { CODE_NETWORK, Problem } from '@/lib/api/problem'
import type { ServerFrame } from '@/lib/wire/frames'
import type { Message } from '@/lib/wire/objects'
import { loadDraft, saveDraft } from './drafts'
import { Engine } from './engine'
import { KeptOutbox } from './kept-outbox'
import { newStore } from './store'
import { CHANNEL, channelOf, create, ME, messageOf, pendingOf, serverOf, YOU } from './testing'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const lost = () => Promise.reject(new Problem(CODE_NETWORK, 0))

/** A tab of one browser, whose storage all tabs share; the server answers as send says. */
function tab(send: (content: string, nonce: string) => Promise<Message>, me = ME) {
  const sendMessage = vi.fn((_: string, content: string, nonce: string) => send(content, nonce))
  const api = { sendMessage, users: vi.fn(async () => []) }
  const store = newStore()
  const engine = new Engine({
    api: api as unknown as Api,
    store,
    tell: () => true,
    storage: localStorage,
    now: Date.now,
    random: () => 0.5,
    onLimited: () => undefined,
  })
  const hear = (frame: ServerFrame) => engine.onFrame(frame)
  const arrive = (log: readonly Message[] = []) => {
    const user = { id: me, username: 'ada', display_name: 'Ada' }
    hear({ op: 'ready', d: { session_id: 's', user, servers: [serverOf()] } })
    hear({ op: 'channel_added', d: { channel: channelOf(), rights: [] } })
    const entries = log.map((message) => create(message.v, message))
    hear({ op: 'delta', d: { channel_id: CHANNEL, reset: false, head: log.length, entries, answer: true } })
    engine.onPhase('online')
  }
  const outbox = () => store.getState().outbox[CHANNEL] ?? []
  return { engine, store, hear, arrive, outbox, sendMessage }
}

const kept = () => Object.keys({ ...localStorage }).filter((key) => key.startsWith('beep:outbox:'))
const settle = () => vi.advanceTimersByTimeAsync(0)
const stored = async (content: string, nonce: string) => messageOf(1, { author_id: ME, content, nonce })

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-24T10:00:00Z') })
  localStorage.clear()
})
afterEach(() => vi.useRealTimers())

describe('a message that was written offline', () => {
  it('is sent after a reload, with the nonce that it had', async () => {
    const before = tab(lost)
    before.arrive()
    before.engine.onPhase('waiting')
    before.engine.send(CHANNEL, 'Written in the dark')
    const [written] = before.outbox()

    const after = tab(stored)
    after.arrive()
    await settle()
    expect(after.sendMessage.mock.calls).toEqual([[CHANNEL, 'Written in the dark', written?.nonce]])
  })

  it('shows before the server was reached again', () => {
    const before = tab(lost)
    before.arrive()
    before.engine.onPhase('waiting')
    before.engine.send(CHANNEL, 'one')
    before.engine.send(CHANNEL, 'two')
    before.engine.send(CHANNEL, 'three')

    const after = tab(lost)
    after.arrive()
    expect(after.outbox().map(({ content, status }) => [content, status])).toEqual([
      ['one', 'waiting'],
      ['two', 'waiting'],
      ['three', 'waiting'],
    ])
  })

  it('is not sent again once the log says that it happened', async () => {
    const before = tab(lost)
    before.arrive()
    before.engine.send(CHANNEL, 'Stored, and the answer lost')
    await settle()
    const nonce = before.outbox()[0]?.nonce ?? ''

    const after = tab(stored)
    after.arrive([await stored('Stored, and the answer lost', nonce)])
    expect(after.outbox()).toEqual([])
    expect(kept()).toEqual([])
  })

  it('is forgotten by this device when its entry arrives, not when the request is answered', async () => {
    const { engine, arrive, hear, outbox } = tab(stored)
    arrive()
    engine.send(CHANNEL, 'Hello')
    await settle()
    expect(outbox()).toMatchObject([{ status: 'acked' }])
    expect(kept()).toHaveLength(1)
    const message = await stored('Hello', outbox()[0]?.nonce ?? '')
    hear({ op: 'entries', d: { channel_id: CHANNEL, entries: [create(1, message)] } })
    expect(outbox()).toEqual([])
    expect(kept()).toEqual([])
  })

  it.each([
    ['an hour', HOUR, 'waiting'],
    ['longer', HOUR + 1, 'failed'],
    ['a week', 7 * 24 * HOUR, 'failed'],
    ['more than a week', 7 * 24 * HOUR + 1, undefined],
  ])('after %s is %s', (_, age, status) => {
    const keeper = new KeptOutbox(localStorage)
    keeper.save(ME, {}, { [CHANNEL]: [pendingOf('a', { at: Date.now() })] })
    const [found] = keeper.load(ME, Date.now() + age)
    expect(found?.pending.status).toBe(status)
    expect(kept()).toHaveLength(status === undefined ? 0 : 1)
  })

  it('and was refused stays refused, with its reason, until the user decides', async () => {
    const before = tab(() => Promise.reject(new Problem('forbidden', 403)))
    before.arrive()
    before.engine.send(CHANNEL, 'Not here')
    await settle()

    const after = tab(stored)
    after.arrive()
    await settle()
    expect(after.outbox()).toMatchObject([{ status: 'failed', problem: { code: 'forbidden', status: 403 } }])
    expect(after.sendMessage).not.toHaveBeenCalled()
    after.engine.discard(CHANNEL, after.outbox()[0]?.nonce ?? '')
    expect(kept()).toEqual([])
  })
})

describe('a channel that went while nobody was here', () => {
  it('takes with it what was to be sent there', async () => {
    new KeptOutbox(localStorage).save(ME, {}, { 999: [pendingOf('a', { at: Date.now() })] })
    const { arrive, store, sendMessage } = tab(() => Promise.reject(new Problem('channel_not_found', 404)))
    arrive()
    await settle()
    expect(sendMessage).toHaveBeenCalledTimes(1)
    expect(store.getState().outbox['999']).toEqual([])
    expect(kept()).toEqual([])
  })
})

describe('tabs beside each other', () => {
  it('do not send what one of them gave up', () => {
    const one = tab(lost)
    one.arrive()
    one.engine.onPhase('waiting')
    one.engine.send(CHANNEL, 'Better not')
    const two = tab(lost)
    two.arrive()
    two.engine.onPhase('waiting')
    expect(two.outbox()).toHaveLength(1)

    const [key = ''] = kept()
    one.engine.discard(CHANNEL, one.outbox()[0]?.nonce ?? '')
    two.engine.onForgotten(key)
    expect(two.outbox()).toEqual([])
    two.engine.onForgotten('beep:preferences')
  })

  it('leave what the other one wrote', () => {
    const one = tab(lost)
    const two = tab(lost)
    for (const each of [one, two]) {
      each.arrive()
      each.engine.onPhase('waiting')
    }
    one.engine.send(CHANNEL, 'from one')
    two.engine.send(CHANNEL, 'from two')
    one.engine.discard(CHANNEL, one.outbox()[0]?.nonce ?? '')
    expect(new KeptOutbox(localStorage).load(ME, Date.now()).map(({ pending }) => pending.content)).toEqual([
      'from two',
    ])
  })
})

describe('an account', () => {
  it('leaves nothing behind when it signs out', () => {
    const { engine, arrive } = tab(lost)
    arrive([messageOf(1)])
    engine.onPhase('waiting')
    engine.send(CHANNEL, 'unsent')
    engine.markRead(CHANNEL)
    saveDraft(localStorage, CHANNEL, 'half a thought')
    expect(localStorage.length).toBeGreaterThan(3)
    engine.onSignedOut()
    expect(Object.keys({ ...localStorage })).toEqual([])
  })

  it('never meets what another one wrote, though that one never signed out', () => {
    const ada = tab(lost)
    ada.arrive()
    ada.engine.onPhase('waiting')
    ada.engine.send(CHANNEL, 'from Ada')
    saveDraft(localStorage, CHANNEL, 'half a thought of Ada')
    const bo = tab(lost, YOU)
    bo.arrive()
    expect(bo.outbox()).toEqual([])
    expect(loadDraft(localStorage, CHANNEL)).toBe('')
    expect(kept()).toEqual([])
  })
})

describe('storage', () => {
  it('that holds damage gives the rest', () => {
    const keeper = new KeptOutbox(localStorage)
    keeper.save(ME, {}, { [CHANNEL]: [pendingOf('good')] })
    localStorage.setItem(`beep:outbox:${ME}:bad`, '{')
    localStorage.setItem(`beep:outbox:${ME}:worse`, '{"kind":"steal"}')
    expect(keeper.load(ME, pendingOf('').at).map(({ pending }) => pending.nonce)).toEqual(['good'])
    expect(kept()).toEqual([`beep:outbox:${ME}:good`])
  })

  it('keeps at most two hundred changes, the first ones', () => {
    const keeper = new KeptOutbox(localStorage)
    const many = Array.from({ length: 205 }, (_, i) => pendingOf(`n${i}`))
    keeper.save(ME, {}, { [CHANNEL]: many })
    const nonces = keeper.load(ME, pendingOf('').at).map(({ pending }) => pending.nonce)
    expect(nonces).toEqual(many.slice(0, 200).map(({ nonce }) => nonce))
  })

  it('that is full stops nobody from writing', () => {
    const full = { ...localStorage, length: 0, key: () => null, getItem: () => null, removeItem: () => undefined }
    const refuse = () => {
      throw new DOMException('full', 'QuotaExceededError')
    }
    const storage = { ...full, setItem: refuse } as unknown as Storage
    new KeptOutbox(storage).save(ME, {}, { [CHANNEL]: [pendingOf('a')] })
    saveDraft(storage, CHANNEL, 'text')
    expect(new KeptOutbox(storage).load(ME, 0)).toEqual([])
  })
})
