import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ServerFrame } from '@/lib/wire/frames'
import { RealtimeClient, type Socket } from './client'
import { type Input, initial, type Phase, step } from './machine'

class FakeSocket implements Socket {
  readonly sent: { op: string; d: Record<string, unknown> }[] = []
  closed: number | null = null
  private readonly heard = new Map<string, (event: never) => void>()

  addEventListener(type: string, fn: (event: never) => void): void {
    this.heard.set(type, fn)
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(code?: number): void {
    this.closed = code ?? 1000
  }
  open(): void {
    this.heard.get('open')?.({} as never)
  }
  lose(code: number): void {
    this.heard.get('close')?.({ code } as never)
  }
  say(op: string, d: object = {}): void {
    this.hear(JSON.stringify({ op, d }))
  }
  hear(data: string): void {
    this.heard.get('message')?.({ data } as never)
  }
  get ops(): string[] {
    return this.sent.map((frame) => frame.op)
  }
}

function setUp() {
  const sockets: FakeSocket[] = []
  const frames: ServerFrame[] = []
  const phases: Phase[] = []
  const damage: string[] = []
  const token = vi.fn(async (fresh: boolean) => (fresh ? 'new' : 'old'))
  const client = new RealtimeClient({
    connect: () => {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket
    },
    token,
    windows: () => ({ '200': 7 }),
    onFrame: (frame) => frames.push(frame),
    onPhase: (phase) => phases.push(phase),
    onDamage: (reason) => damage.push(reason),
    random: () => 0.5,
  })
  const last = () => {
    const socket = sockets.at(-1)
    if (socket === undefined) throw new Error('no socket')
    return socket
  }
  const greet = async () => {
    last().open()
    last().say('hello', { heartbeat_interval: 30_000 })
    await vi.advanceTimersByTimeAsync(0)
  }
  const goOnline = async () => {
    await greet()
    last().say('ready', { user: { id: '1' } })
  }
  return { client, sockets, frames, phases, damage, token, last, greet, goOnline }
}

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

describe('connecting', () => {
  it('identifies with token, windows and status after hello', async () => {
    const { client, last, goOnline, phases, frames } = setUp()
    client.start()
    await goOnline()
    expect(last().sent).toEqual([{ op: 'identify', d: { token: 'old', channels: { '200': 7 }, status: 'online' } }])
    expect(phases).toEqual(['opening', 'greeting', 'identifying', 'online'])
    expect(frames.map((frame) => frame.op)).toEqual(['ready'])
  })

  it('sends nothing before ready, and status after every reconnection', async () => {
    const { client, last, goOnline } = setUp()
    client.start()
    expect(client.send({ op: 'typing', d: { channel_id: '1' } })).toBe(false)
    client.setStatus('dnd')
    await goOnline()
    expect(last().sent[0]?.d.status).toBe('dnd')
    client.setStatus('idle')
    expect(last().sent.at(-1)).toEqual({ op: 'presence', d: { status: 'idle' } })
  })

  it('gives up on a socket that brings no ready', async () => {
    const { client, sockets, greet } = setUp()
    client.start()
    await greet()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(sockets[0]?.closed).toBe(1000)
    expect(client.phase).toBe('waiting')
  })

  it('tries again when no token is to be had', async () => {
    const { client, token, greet } = setUp()
    token.mockRejectedValueOnce(new Error('no network'))
    client.start()
    await greet()
    expect(client.phase).toBe('waiting')
  })
})

describe('the heartbeat', () => {
  it('beats, and an answer keeps the socket', async () => {
    const { client, last, goOnline } = setUp()
    client.start()
    await goOnline()
    for (let i = 0; i < 3; i++) {
      await vi.advanceTimersByTimeAsync(30_000)
      last().say('heartbeat_ack')
    }
    expect(last().ops).toEqual(['identify', 'heartbeat', 'heartbeat', 'heartbeat'])
    expect(client.phase).toBe('online')
  })

  it('without an answer by the next one ends the socket', async () => {
    const { client, last, goOnline, sockets } = setUp()
    client.start()
    await goOnline()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(last()).toBe(sockets[0])
    expect(sockets[0]?.closed).toBe(1000)
    expect(client.phase).toBe('waiting')
  })

  it('is sent at once when the page wakes up', async () => {
    const { client, last, goOnline } = setUp()
    client.start()
    await goOnline()
    client.nudge()
    expect(last().ops).toEqual(['identify', 'heartbeat'])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(client.phase).toBe('waiting')
  })
})

describe('tokens', () => {
  it('are renewed in band', async () => {
    const { client, last, goOnline } = setUp()
    client.start()
    await goOnline()
    last().say('token_expiring', { expires_in: 60_000 })
    await vi.advanceTimersByTimeAsync(0)
    expect(last().sent.at(-1)).toEqual({ op: 'token', d: { token: 'new' } })
  })

  it('refused once are replaced, refused twice end it until a new start', async () => {
    const { client, last, greet, sockets, token } = setUp()
    client.start()
    await greet()
    last().lose(4401)
    await vi.advanceTimersByTimeAsync(0)
    await greet()
    expect(token).toHaveBeenLastCalledWith(true)
    last().lose(4401)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(client.phase).toBe('refused')
    expect(sockets).toHaveLength(2)
    client.start()
    expect(client.phase).toBe('opening')
  })
})

describe('losses', () => {
  it('of an abandoned socket are not heard', async () => {
    const { client, sockets, goOnline, frames } = setUp()
    client.start()
    await goOnline()
    sockets[0]?.lose(1006)
    client.nudge()
    await goOnline()
    sockets[0]?.lose(4401)
    sockets[0]?.say('typing', { channel_id: '1', user_id: '2' })
    expect(client.phase).toBe('online')
    expect(frames.filter((frame) => frame.op === 'typing')).toEqual([])
  })

  it('end with stop', async () => {
    const { client, sockets, goOnline } = setUp()
    client.start()
    await goOnline()
    client.stop()
    await vi.advanceTimersByTimeAsync(120_000)
    expect(client.phase).toBe('stopped')
    expect(sockets).toHaveLength(1)
    expect(sockets[0]?.closed).toBe(1000)
  })
})

describe('frames', () => {
  it('that are damaged are told, unknown ones skipped', async () => {
    const { client, last, goOnline, damage, frames } = setUp()
    client.start()
    await goOnline()
    last().hear('{')
    last().say('entries', { channel_id: 'x' })
    last().say('of_the_future', {})
    last().hear('{"d":{}}')
    expect(damage).toHaveLength(3)
    expect(frames).toHaveLength(1)
    expect(client.phase).toBe('online')
  })
})

describe('the wait before a new try', () => {
  const inputs = (...list: Input[]) => list.reduce((machine, input) => step(machine, input, 0.999).machine, initial)
  const online = inputs({ type: 'start' }, { type: 'opened' }, { type: 'hello', interval: 1 }, { type: 'ready' })
  const waitOf = (machine: typeof initial, code: number, random: number) => {
    const { effects } = step(machine, { type: 'closed', code }, random)
    return effects.find((effect) => effect.do === 'schedule')?.ms
  }

  it('is uniform in [0, 3 s) and doubles to at most 30 s', () => {
    expect(waitOf(online, 1006, 0)).toBe(0)
    expect(waitOf(online, 1006, 0.5)).toBe(1_500)
    expect(waitOf({ ...online, tries: 2 }, 1006, 0.5)).toBe(6_000)
    expect(waitOf({ ...online, tries: 30 }, 1006, 0.999)).toBeLessThan(30_000)
  })

  it('is what the server says when it drains, or has too many', () => {
    const drained = step(online, { type: 'drain', spread: 20_000 }, 0).machine
    expect(waitOf(drained, 1012, 0.5)).toBe(10_000)
    expect(waitOf(online, 1001, 0.5)).toBe(1_500)
    expect(waitOf(online, 4429, 0)).toBe(10_000)
  })

  it('starts again from the beginning after a ready', () => {
    expect(inputs({ type: 'start' }, { type: 'closed', code: 1006 }).tries).toBe(1)
    expect(online.tries).toBe(0)
  })

  it('and everything else that a state has no row for changes nothing', () => {
    const stray: Input[] = [{ type: 'ready' }, { type: 'beat' }, { type: 'retry' }, { type: 'ack' }, { type: 'stop' }]
    for (const input of stray) expect(step(initial, input, 0)).toEqual({ machine: initial, effects: [] })
  })
})
