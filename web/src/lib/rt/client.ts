/** The connection of docs/realtime.md: carries out what the machine decides, and hands frames on. */
import { type ClientFrame, decodeFrame, type ServerFrame, type Status } from '@/lib/wire/frames'
import { type Effect, type Input, initial, type Machine, type Phase, step } from './machine'

/** What the client needs of a socket; a browser's WebSocket fits. */
export interface Socket {
  send(text: string): void
  close(code?: number): void
  addEventListener(type: 'open', fn: () => void): void
  addEventListener(type: 'message', fn: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', fn: (event: { code: number }) => void): void
}

export interface RealtimeDeps {
  /** Opens a socket to the server. */
  connect(): Socket
  /** An access token; fresh asks for another than the last one. */
  token(fresh: boolean): Promise<string>
  /** The r of every window held, for identify. */
  windows(): Record<string, number>
  /** Called with every frame of the protocol that is not the connection's own business. */
  onFrame(frame: ServerFrame): void
  /** Called after each change of phase. */
  onPhase(phase: Phase): void
  /** Called with what could not be read. */
  onDamage(reason: string): void
  /** In [0, 1). */
  random(): number
}

export class RealtimeClient {
  private readonly deps: RealtimeDeps
  private machine: Machine = initial
  private socket: Socket | null = null
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()
  private chosen: Status = 'online'

  constructor(deps: RealtimeDeps) {
    this.deps = deps
  }

  get phase(): Phase {
    return this.machine.phase
  }

  start(): void {
    this.feed({ type: 'start' })
  }

  stop(): void {
    this.feed({ type: 'stop' })
  }

  /** Says that the network may be back, so that nobody waits out a long back-off. */
  nudge(): void {
    this.feed({ type: 'network' })
  }

  /** Sends a frame if the session is up, and says whether it did. */
  send(frame: ClientFrame): boolean {
    if (this.machine.phase !== 'online') return false
    this.write(frame)
    return true
  }

  /** What others see of the user, now and after each reconnection. */
  setStatus(status: Status): void {
    this.chosen = status
    this.send({ op: 'presence', d: { status } })
  }

  private feed(input: Input): void {
    const before = this.machine.phase
    const { machine, effects } = step(this.machine, input, this.deps.random())
    this.machine = machine
    for (const effect of effects) this.carryOut(effect)
    if (before !== machine.phase) this.deps.onPhase(machine.phase)
  }

  private carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'open':
        return this.open()
      case 'close':
        return this.drop()
      case 'identify':
        void this.identify(effect.fresh)
        return
      case 'beat':
        return this.write({ op: 'heartbeat', d: {} })
      case 'cancel':
        for (const timer of this.timers) clearTimeout(timer)
        this.timers.clear()
        return
      case 'schedule': {
        const timer = setTimeout(() => {
          this.timers.delete(timer)
          this.feed({ type: effect.timer })
        }, effect.ms)
        this.timers.add(timer)
      }
    }
  }

  private open(): void {
    this.drop()
    const socket = this.deps.connect()
    this.socket = socket
    // An abandoned socket may still speak; only the present one is heard.
    const heard = (input: Input) => this.socket === socket && this.feed(input)
    socket.addEventListener('open', () => heard({ type: 'opened' }))
    socket.addEventListener('close', ({ code }) => heard({ type: 'closed', code }))
    socket.addEventListener('message', ({ data }) => this.socket === socket && this.receive(String(data)))
  }

  private drop(): void {
    const socket = this.socket
    this.socket = null
    socket?.close(1000)
  }

  private async identify(fresh: boolean): Promise<void> {
    const socket = this.socket
    try {
      const token = await this.deps.token(fresh)
      if (this.socket !== socket) return
      this.write({ op: 'identify', d: { token, channels: this.deps.windows(), status: this.chosen } })
    } catch {
      // No token to be had. A refused refresh has signed the person out, which stops this client; what is
      // left is a lost network, and that is worth another try.
      if (this.socket === socket) this.feed({ type: 'closed', code: 1006 })
    }
  }

  private async renew(): Promise<void> {
    const socket = this.socket
    const token = await this.deps.token(true).catch(() => null)
    if (token !== null && this.socket === socket) this.send({ op: 'token', d: { token } })
  }

  private write(frame: ClientFrame): void {
    this.socket?.send(JSON.stringify(frame))
  }

  private receive(text: string): void {
    const decoded = decodeFrame(text)
    if ('damaged' in decoded) return this.deps.onDamage(decoded.damaged)
    if ('unknown' in decoded) return
    const { frame } = decoded
    switch (frame.op) {
      case 'hello':
        return this.feed({ type: 'hello', interval: frame.d.heartbeat_interval })
      case 'heartbeat_ack':
        return this.feed({ type: 'ack' })
      case 'drain':
        return this.feed({ type: 'drain', spread: frame.d.spread })
      case 'token_expiring':
        void this.renew()
        return
      case 'ready':
        // The state first: whoever hears "online" may already look at it.
        this.deps.onFrame(frame)
        return this.feed({ type: 'ready' })
      default:
        this.deps.onFrame(frame)
    }
  }
}
