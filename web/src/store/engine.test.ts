import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Api } from '@/lib/api/client'
import { CODE_NETWORK, Problem } from '@/lib/api/problem'
import type { ClientFrame, ServerFrame } from '@/lib/wire/frames'
import type { Message, Page } from '@/lib/wire/objects'
import { loadDraft, saveDraft } from './drafts'
import { Engine } from './engine'
import { newStore } from './store'
import { CHANNEL, channelOf, create, ME, memberOf, messageOf, pageOf, SERVER, serverOf, YOU } from './testing'

type Fakes = { [K in keyof Api]: ReturnType<typeof vi.fn> }
type Page1 = (channelId: string, where: object) => Promise<Page>

/** A client that is online in one channel, over an API of fakes. */
function setUp() {
  const api = {
    users: vi.fn(async (ids: string[]) => ids.map((id) => ({ id, username: `u${id}`, display_name: `User ${id}` }))),
    messages: vi.fn<Page1>(async () => pageOf([])),
    members: vi.fn(async () => [memberOf(YOU)]),
    sendMessage: vi.fn(async (_: string, content: string, nonce: string) =>
      messageOf(1, { author_id: ME, content, nonce }),
    ),
    editMessage: vi.fn(async (_: string, id: string, content: string) => messageOf(1, { id, content, v: 2 })),
    deleteMessage: vi.fn(async () => undefined),
  } as unknown as Fakes
  const told: ClientFrame[] = []
  let up = true
  const store = newStore()
  const onLimited = vi.fn()
  const engine = new Engine({
    api: api as unknown as Api,
    store,
    tell: (frame) => up && told.push(frame) > 0,
    storage: localStorage,
    now: Date.now,
    random: () => 0.5,
    onLimited,
  })
  const hear = (frame: ServerFrame) => engine.onFrame(frame)
  const user = { id: ME, username: 'ada', display_name: 'Ada' }
  hear({ op: 'ready', d: { session_id: 's', user, servers: [serverOf()] } })
  hear({ op: 'channel_added', d: { channel: channelOf(), rights: [] } })
  hear({ op: 'delta', d: { channel_id: CHANNEL, reset: false, head: 0, entries: [], answer: true } })
  engine.onPhase('online')
  const outbox = () => store.getState().outbox[CHANNEL] ?? []
  const window = () => store.getState().windows[CHANNEL]
  const network = (online: boolean) => {
    up = online
    engine.onPhase(online ? 'online' : 'waiting')
  }
  return { api, engine, store, told, hear, outbox, window, network, onLimited }
}

beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
})
afterEach(() => vi.useRealTimers())

const settle = () => vi.advanceTimersByTimeAsync(0)
const entry = (message: Message) => ({
  op: 'entries' as const,
  d: { channel_id: CHANNEL, entries: [create(message.v, message)] },
})

describe('catching up', () => {
  it('asks once when something is missing, and again after an answer that leaves it behind', () => {
    const { told, hear } = setUp()
    hear(entry(messageOf(3)))
    hear(entry(messageOf(4)))
    expect(told).toEqual([{ op: 'since', d: { channel_id: CHANNEL, r: 0 } }])
    const partial = {
      channel_id: CHANNEL,
      reset: false,
      head: 2,
      entries: [create(1, messageOf(1)), create(2, messageOf(2))],
      answer: true,
    }
    hear({ op: 'delta', d: partial })
    expect(told.at(-1)).toEqual({ op: 'since', d: { channel_id: CHANNEL, r: 2 } })
  })

  it('does not believe that it asked while the socket was down', () => {
    const { told, hear, network, window } = setUp()
    network(false)
    hear(entry(messageOf(3)))
    expect(told).toEqual([])
    expect(window()?.asks).toBe(false)
  })

  it('resumes with every r that it has', () => {
    const { engine, hear } = setUp()
    expect(engine.windows()).toEqual({})
    hear(entry(messageOf(1)))
    expect(engine.windows()).toEqual({ [CHANNEL]: 1 })
  })

  it('keeps identify small enough for the server', () => {
    const { engine, hear } = setUp()
    for (let i = 0; i < 500; i++) {
      const id = String(1_581_000_000_000_000_000n + BigInt(i))
      hear({ op: 'channel_added', d: { channel: channelOf(id), rights: [] } })
      hear({ op: 'delta', d: { channel_id: id, reset: true, head: 123_456, entries: [], answer: true } })
    }
    expect(JSON.stringify(engine.windows()).length).toBeLessThan(14_000)
  })
})

describe('history', () => {
  const filled = () => {
    const all = setUp()
    const page = [create(50, messageOf(50)), create(49, messageOf(49))]
    all.hear({ op: 'delta', d: { channel_id: CHANNEL, reset: true, head: 50, entries: page, answer: true } })
    return all
  }

  it('is read before the first message in view', async () => {
    const { engine, api, window } = filled()
    api.messages.mockResolvedValue(pageOf([messageOf(47), messageOf(48)], { head: 50 }))
    expect(await engine.loadEdge(CHANNEL, 'older')).toBe(true)
    expect(api.messages).toHaveBeenCalledWith(CHANNEL, { before: '1049' })
    expect(window()?.ids).toEqual(['1047', '1048', '1049', '1050'])
  })

  it('is asked for once at a time', async () => {
    const { engine, api } = filled()
    api.messages.mockResolvedValue(pageOf([messageOf(48)], { head: 50 }))
    const both = await Promise.all([engine.loadEdge(CHANNEL, 'older'), engine.loadEdge(CHANNEL, 'older')])
    expect(both).toEqual([true, false])
    expect(api.messages).toHaveBeenCalledTimes(1)
  })

  it('that is older than the window is asked for again', async () => {
    const { engine, api, window } = filled()
    api.messages
      .mockResolvedValueOnce(pageOf([messageOf(48)], { head: 49 }))
      .mockResolvedValueOnce(pageOf([messageOf(48)], { head: 50 }))
    expect(await engine.loadEdge(CHANNEL, 'older')).toBe(true)
    expect(window()?.ids[0]).toBe('1048')
  })

  it('that comes too late for its window is dropped', async () => {
    const { engine, api, hear, window } = filled()
    let answer: (page: Page) => void = () => undefined
    api.messages.mockReturnValue(new Promise<Page>((resolve) => (answer = resolve)))
    const loading = engine.loadEdge(CHANNEL, 'older')
    hear({
      op: 'delta',
      d: { channel_id: CHANNEL, reset: true, head: 900, entries: [create(900, messageOf(900))], answer: true },
    })
    answer(pageOf([messageOf(48)], { head: 950 }))
    expect(await loading).toBe(false)
    expect(window()?.ids).toEqual(['1900'])
  })

  it('around a message, and back to the newest', async () => {
    const { engine, api, window } = filled()
    api.messages.mockResolvedValueOnce(pageOf([messageOf(7)], { head: 50, has_before: true, has_after: true }))
    await engine.loadAround(CHANNEL, '1007')
    expect(window()).toMatchObject({ ids: ['1007'], atEnd: false })
    api.messages.mockResolvedValueOnce(pageOf([messageOf(49), messageOf(50)], { head: 50, has_before: true }))
    await engine.loadNewest(CHANNEL)
    expect(window()).toMatchObject({ ids: ['1049', '1050'], atEnd: true })
  })

  it('of a channel that is gone is nothing', async () => {
    const { engine } = setUp()
    expect(await engine.loadEdge('999', 'older')).toBe(false)
    expect(await engine.loadNewest('999')).toBe(false)
  })

  it('tells a failure to whoever asked, and may be tried again', async () => {
    const { engine, api } = filled()
    api.messages.mockRejectedValueOnce(new Problem('unavailable', 503))
    await expect(engine.loadEdge(CHANNEL, 'older')).rejects.toMatchObject({ code: 'unavailable' })
    api.messages.mockResolvedValueOnce(pageOf([messageOf(48)], { head: 50 }))
    expect(await engine.loadEdge(CHANNEL, 'older')).toBe(true)
  })
})

describe('a channel of which only the end of its log is known', () => {
  const bare = (head: number) => ({
    op: 'delta' as const,
    d: { channel_id: CHANNEL, reset: true, head, entries: [], answer: true },
  })

  it('is read when it is opened, and what came live meanwhile follows', async () => {
    const { engine, api, hear, window } = setUp()
    hear(bare(9))
    expect(window()).toMatchObject({ loaded: false, r: 9, ids: [] })
    hear(entry({ ...messageOf(6), v: 10 }))
    await settle()
    expect(api.messages).not.toHaveBeenCalled()
    api.messages.mockResolvedValue(pageOf([messageOf(4), messageOf(5)], { head: 9, has_before: true }))
    engine.open(CHANNEL)
    await settle()
    expect(window()).toMatchObject({ loaded: true, ids: ['1004', '1005', '1006'] })
  })

  it('is read at once when it is on the screen, and again until it succeeds', async () => {
    const { engine, api, hear, window } = setUp()
    engine.open(CHANNEL)
    api.messages.mockRejectedValueOnce(new Problem('unavailable', 503))
    api.messages.mockResolvedValue(pageOf([messageOf(5)], { head: 9 }))
    hear(bare(9))
    await vi.advanceTimersByTimeAsync(3_000)
    expect(window()).toMatchObject({ loaded: true, ids: ['1005'] })
  })

  it('counts as read, but not what comes live', () => {
    const { hear, store } = setUp()
    hear({ op: 'channel_added', d: { channel: channelOf('300'), rights: [] } })
    hear({ op: 'delta', d: { channel_id: '300', reset: true, head: 9, entries: [], answer: true } })
    expect(store.getState().reads['300']).toBeUndefined()
    const message = messageOf(6, { channel_id: '300', v: 10 })
    hear({ op: 'entries', d: { channel_id: '300', entries: [create(10, message)] } })
    expect(store.getState().reads['300']).toBe(5)
  })
})

describe('sending', () => {
  it('shows at once and settles by the log', async () => {
    const { engine, api, hear, outbox } = setUp()
    engine.send(CHANNEL, 'hello')
    expect(outbox()).toMatchObject([{ content: 'hello', status: 'waiting' }])
    await settle()
    expect(outbox()).toMatchObject([{ status: 'acked' }])
    hear(entry(messageOf(1, { author_id: ME, nonce: api.sendMessage.mock.calls[0]?.[2] })))
    expect(outbox()).toEqual([])
  })

  it('keeps the order, one at a time', async () => {
    const { engine, api } = setUp()
    let answer: (message: Message) => void = () => undefined
    api.sendMessage.mockReturnValueOnce(new Promise<Message>((resolve) => (answer = resolve)))
    engine.send(CHANNEL, 'one')
    engine.send(CHANNEL, 'two')
    await settle()
    expect(api.sendMessage).toHaveBeenCalledTimes(1)
    answer(messageOf(1, { author_id: ME }))
    await settle()
    expect(api.sendMessage.mock.calls.map((call) => call[1])).toEqual(['one', 'two'])
  })

  it('repeats an unknown outcome with the same nonce', async () => {
    const { engine, api, outbox } = setUp()
    api.sendMessage
      .mockRejectedValueOnce(new Problem('unavailable', 503))
      .mockRejectedValueOnce(new Problem(CODE_NETWORK, 0))
    engine.send(CHANNEL, 'hello')
    await vi.advanceTimersByTimeAsync(10_000)
    const nonces = api.sendMessage.mock.calls.map((call) => call[2])
    expect(nonces).toHaveLength(3)
    expect(new Set(nonces).size).toBe(1)
    expect(outbox()).toMatchObject([{ status: 'acked' }])
  })

  it('stops repeating once the log has settled it', async () => {
    const { engine, api, hear, outbox } = setUp()
    api.sendMessage.mockRejectedValue(new Problem(CODE_NETWORK, 0))
    engine.send(CHANNEL, 'hello')
    await settle()
    hear(entry(messageOf(1, { author_id: ME, nonce: api.sendMessage.mock.calls[0]?.[2] })))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(api.sendMessage).toHaveBeenCalledTimes(1)
    expect(outbox()).toEqual([])
  })

  it('gives up after a while and lets the user try again', async () => {
    const { engine, api, outbox } = setUp()
    api.sendMessage.mockRejectedValue(new Problem(CODE_NETWORK, 0))
    engine.send(CHANNEL, 'hello')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(outbox()).toMatchObject([{ status: 'failed', problem: { code: CODE_NETWORK } }])
    api.sendMessage.mockResolvedValue(messageOf(1, { author_id: ME }))
    engine.retry(CHANNEL, outbox()[0]?.nonce ?? '')
    await settle()
    expect(outbox()).toMatchObject([{ status: 'acked' }])
  })

  it('takes a refusal for an answer', async () => {
    const { engine, api, outbox } = setUp()
    api.sendMessage.mockRejectedValue(new Problem('forbidden', 403))
    engine.send(CHANNEL, 'hello')
    await settle()
    expect(outbox()).toMatchObject([{ status: 'failed', problem: { code: 'forbidden' } }])
    engine.discard(CHANNEL, outbox()[0]?.nonce ?? '')
    expect(outbox()).toEqual([])
  })

  it('waits as long as the server asks, and says so', async () => {
    const { engine, api, outbox, onLimited } = setUp()
    api.sendMessage.mockRejectedValueOnce(new Problem('rate_limited', 429, '', 7))
    engine.send(CHANNEL, 'hello')
    await vi.advanceTimersByTimeAsync(6_900)
    engine.send(CHANNEL, 'another')
    expect(api.sendMessage).toHaveBeenCalledTimes(1)
    expect(onLimited).toHaveBeenCalledWith(7)
    await vi.advanceTimersByTimeAsync(200)
    expect(outbox()).toMatchObject([{ status: 'acked' }, { status: 'acked' }])
  })

  it('offline waits for the connection and then flushes in order', async () => {
    const { engine, api, network } = setUp()
    network(false)
    engine.send(CHANNEL, 'one')
    engine.send(CHANNEL, 'two')
    await vi.advanceTimersByTimeAsync(120_000)
    expect(api.sendMessage).not.toHaveBeenCalled()
    network(true)
    await settle()
    expect(api.sendMessage.mock.calls.map((call) => call[1])).toEqual(['one', 'two'])
  })

  it('lost in mid-air is tried again when the connection is back, without waiting', async () => {
    const { engine, api, network, outbox } = setUp()
    api.sendMessage.mockImplementationOnce(async () => {
      network(false)
      throw new Problem(CODE_NETWORK, 0)
    })
    engine.send(CHANNEL, 'hello')
    await settle()
    expect(outbox()).toMatchObject([{ status: 'waiting' }])
    network(true)
    await settle()
    expect(api.sendMessage).toHaveBeenCalledTimes(2)
  })

  it('edits and deletes the same way; what is gone already is deleted', async () => {
    const { engine, api, hear, outbox } = setUp()
    hear(entry(messageOf(1, { author_id: ME })))
    engine.edit(CHANNEL, '1001', 'better')
    await settle()
    expect(api.editMessage).toHaveBeenCalledWith(CHANNEL, '1001', 'better', expect.any(String))
    api.deleteMessage.mockRejectedValue(new Problem('message_not_found', 404))
    engine.remove(CHANNEL, '1001')
    await settle()
    expect(outbox().at(-1)).toMatchObject({ kind: 'delete', status: 'acked' })
  })
})

describe('typing', () => {
  it('is told every few seconds while it lasts, the last words too', async () => {
    const { engine, told } = setUp()
    const typings = () => told.filter((frame) => frame.op === 'typing').length
    engine.typing(CHANNEL)
    engine.typing(CHANNEL)
    expect(typings()).toBe(1)
    await vi.advanceTimersByTimeAsync(2_600)
    expect(typings()).toBe(2)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(typings()).toBe(2)
  })

  it('ends with the message, and with leaving the channel', async () => {
    const { engine, told } = setUp()
    for (const end of [() => engine.send(CHANNEL, 'done'), () => engine.close(CHANNEL)]) {
      engine.typing(CHANNEL)
      engine.typing(CHANNEL)
      end()
      const before = told.length
      await vi.advanceTimersByTimeAsync(10_000)
      expect(told).toHaveLength(before)
    }
  })

  it('of others ends by itself', async () => {
    const { hear, store } = setUp()
    hear({ op: 'typing', d: { channel_id: CHANNEL, user_id: YOU } })
    expect(Object.keys(store.getState().typing[CHANNEL] ?? {})).toEqual([YOU])
    await vi.advanceTimersByTimeAsync(8_100)
    expect(store.getState().typing[CHANNEL]).toEqual({})
  })
})

describe('profiles', () => {
  it('of many are asked for in one request', async () => {
    const { hear, api, store } = setUp()
    for (const [i, author_id] of ['5', '6', '5'].entries()) hear(entry(messageOf(i + 1, { author_id })))
    await vi.advanceTimersByTimeAsync(50)
    expect(api.users).toHaveBeenCalledTimes(1)
    expect(api.users.mock.calls[0]?.[0].toSorted()).toEqual(['5', '6'])
    expect(store.getState().users['5']?.display_name).toBe('User 5')
  })

  it('are asked for again after a lost connection, not after a refusal', async () => {
    const { hear, api } = setUp()
    api.users.mockRejectedValueOnce(new Problem(CODE_NETWORK, 0))
    hear(entry(messageOf(1, { author_id: '5' })))
    await vi.advanceTimersByTimeAsync(50)
    api.users.mockRejectedValueOnce(new Problem('forbidden', 403))
    hear({ op: 'member_updated', d: { member: memberOf('5') } })
    await vi.advanceTimersByTimeAsync(50)
    hear(entry(messageOf(2, { author_id: '5' })))
    await vi.advanceTimersByTimeAsync(50)
    expect(api.users).toHaveBeenCalledTimes(2)
  })
})

describe('members', () => {
  it('are read page after page until one is short', async () => {
    const { engine, api, store } = setUp()
    const full = Array.from({ length: 100 }, (_, i) => memberOf(String(100 + i)))
    api.members.mockResolvedValueOnce(full)
    await engine.loadMembers(SERVER)
    expect(api.members.mock.calls.map((call) => call[1])).toEqual(['', '199'])
    expect(store.getState().members[SERVER]?.complete).toBe(true)
    await engine.loadMembers(SERVER)
    expect(api.members).toHaveBeenCalledTimes(2)
  })

  it('are read once at a time, and up to a bound ahead', async () => {
    const { engine, api } = setUp()
    let next = 1000
    api.members.mockImplementation(async () => Array.from({ length: 100 }, () => memberOf(String(next++))))
    await Promise.all([engine.loadMembers(SERVER), engine.loadMembers(SERVER)])
    expect(api.members).toHaveBeenCalledTimes(10)
  })
})

describe('this device', () => {
  it('keeps how far it has read', () => {
    const { engine, hear, store } = setUp()
    hear(entry(messageOf(1)))
    engine.open(CHANNEL)
    engine.markRead(CHANNEL)
    expect(store.getState().reads[CHANNEL]).toBe(1)
    expect(setUp().store.getState().reads[CHANNEL]).toBe(1)
    engine.close(CHANNEL)
    expect(store.getState().viewing).toBeNull()
  })

  it('forgets drafts with their channel, and all of it at sign-out', () => {
    const { engine, hear, store } = setUp()
    saveDraft(localStorage, CHANNEL, 'half a')
    hear({ op: 'channel_removed', d: { channel_id: CHANNEL } })
    expect(loadDraft(localStorage, CHANNEL)).toBe('')
    saveDraft(localStorage, '300', 'half b')
    engine.onSignedOut()
    expect(loadDraft(localStorage, '300')).toBe('')
    expect(store.getState().me).toBeNull()
  })
})
