/**
 * The life of the socket as a table of state × input: pure, without timers, sockets or DOM. RealtimeClient
 * carries the effects out. An input that a state has no row for changes nothing, which is how late events of
 * an abandoned socket are ignored.
 */

/** Where the connection stands. */
export type Phase =
  | 'stopped' // nobody wants a connection
  | 'waiting' // until the retry timer fires
  | 'opening' // the socket is being opened
  | 'greeting' // open; the server's hello is awaited
  | 'identifying' // identify is sent; ready is awaited
  | 'online' // ready came: frames flow
  | 'refused' // the token is worth nothing: only a new start helps

export type Input =
  | { type: 'start' }
  | { type: 'stop' }
  | { type: 'opened' }
  | { type: 'hello'; interval: number }
  | { type: 'ready' }
  | { type: 'drain'; spread: number }
  | { type: 'closed'; code: number }
  | { type: 'retry' } // the timer of waiting fired
  | { type: 'beat' } // the heartbeat timer fired
  | { type: 'ack' }
  | { type: 'late' } // ready did not come in time
  | { type: 'network' } // the browser says that it is back, or the page woke up

export type Effect =
  | { do: 'open' }
  | { do: 'close' }
  | { do: 'identify'; fresh: boolean } // fresh: get a new token first
  | { do: 'beat' }
  | { do: 'schedule'; timer: 'retry' | 'beat' | 'late'; ms: number }
  | { do: 'cancel' } // every timer

export interface Machine {
  readonly phase: Phase
  /** Failed tries since the last ready. */
  readonly tries: number
  /** Milliseconds between heartbeats, from hello. */
  readonly interval: number
  /** Whether a heartbeat is unanswered. */
  readonly unanswered: boolean
  /** Milliseconds to spread the next try over, from drain; 0 if none came. */
  readonly spread: number
  /** Whether the last token was refused: the next identify needs a new one. */
  readonly stale: boolean
}

export interface Step {
  readonly machine: Machine
  readonly effects: readonly Effect[]
}

export const CLOSE_UNAUTHENTICATED = 4401
export const CLOSE_TOO_MANY = 4429
const CLOSE_GOING_AWAY = [1001, 1012]
const FIRST_SPREAD = 3_000
const MAX_SPREAD = 30_000
const TOO_MANY_WAIT = 10_000
const READY_DEADLINE = 15_000

export const initial: Machine = {
  phase: 'stopped',
  tries: 0,
  interval: 30_000,
  unanswered: false,
  spread: 0,
  stale: false,
}

type Row<T extends Input['type']> = (machine: Machine, input: Extract<Input, { type: T }>, random: number) => Step
type Table = { [P in Phase]: { [T in Input['type']]?: Row<T> } }

const to = (machine: Machine, change: Partial<Machine>, ...effects: Effect[]): Step => ({
  machine: { ...machine, ...change },
  effects,
})

const open = (m: Machine) =>
  to(
    m,
    { phase: 'opening', unanswered: false },
    { do: 'cancel' },
    { do: 'open' },
    { do: 'schedule', timer: 'late', ms: READY_DEADLINE },
  )

const stop = (m: Machine) =>
  to(m, { phase: 'stopped', tries: 0, stale: false, spread: 0 }, { do: 'cancel' }, { do: 'close' })

const wait = (m: Machine, ms: number, change: Partial<Machine> = {}) =>
  to(
    m,
    { phase: 'waiting', tries: m.tries + 1, spread: 0, unanswered: false, ...change },
    { do: 'cancel' },
    { do: 'close' },
    { do: 'schedule', timer: 'retry', ms },
  )

/** How long to wait after a loss: uniform, so that a thousand clients of one node do not come back as one. */
function lost(m: Machine, code: number, random: number): Step {
  if (code === CLOSE_UNAUTHENTICATED) {
    // Once with a new token; if that one is refused too, the person has to sign in.
    return m.stale ? to(m, { phase: 'refused' }, { do: 'cancel' }, { do: 'close' }) : wait(m, 0, { stale: true })
  }
  if (code === CLOSE_TOO_MANY) return wait(m, TOO_MANY_WAIT)
  if (CLOSE_GOING_AWAY.includes(code)) return wait(m, random * (m.spread || FIRST_SPREAD))
  return wait(m, random * Math.min(FIRST_SPREAD * 2 ** m.tries, MAX_SPREAD))
}

const closed: Row<'closed'> = (m, { code }, random) => lost(m, code, random)
const late: Row<'late'> = (m, _, random) => lost(m, 1006, random)
const again: Row<'network'> = (m) => open({ ...m, tries: 0 })

const table: Table = {
  stopped: { start: open },
  refused: { start: (m) => open({ ...m, tries: 0, stale: false }), stop },
  waiting: { retry: open, network: again, stop },
  opening: { opened: (m) => to(m, { phase: 'greeting' }), closed, late, stop },
  greeting: {
    hello: (m, { interval }) => to(m, { phase: 'identifying', interval }, { do: 'identify', fresh: m.stale }),
    closed,
    late,
    stop,
  },
  identifying: {
    ready: (m) =>
      to(
        m,
        { phase: 'online', tries: 0, stale: false },
        { do: 'cancel' },
        { do: 'schedule', timer: 'beat', ms: m.interval },
      ),
    drain: (m, { spread }) => to(m, { spread }),
    closed,
    late,
    stop,
  },
  online: {
    // An unanswered heartbeat at the time of the next one: the connection is dead, though nothing said so.
    beat: (m, _, random) =>
      m.unanswered
        ? lost(m, 1006, random)
        : to(m, { unanswered: true }, { do: 'beat' }, { do: 'schedule', timer: 'beat', ms: m.interval }),
    ack: (m) => to(m, { unanswered: false }),
    // Back from sleep: ask at once, rather than believe a socket that may have died meanwhile.
    network: (m) =>
      to(
        m,
        { unanswered: true },
        { do: 'cancel' },
        { do: 'beat' },
        { do: 'schedule', timer: 'beat', ms: Math.min(m.interval, 5_000) },
      ),
    drain: (m, { spread }) => to(m, { spread }),
    closed,
    stop,
  },
}

/** One step. random is in [0, 1). */
export function step(machine: Machine, input: Input, random: number): Step {
  // The row is looked up by input.type, so it takes this input; the compiler cannot follow that.
  const row = table[machine.phase][input.type] as Row<typeof input.type> | undefined
  return row ? row(machine, input as never, random) : { machine, effects: [] }
}
