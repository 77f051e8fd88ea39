/**
 * A server made of answers: every screen in every state, without waiting for a state to happen. The client is
 * the built one, served with the headers that the gateway sets.
 */
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Route, WebSocketRoute } from '@playwright/test'
import {
  auditLog,
  bans,
  CHANNEL,
  channels,
  invitations,
  type Message,
  members,
  messageOf,
  NOW,
  overwrites,
  people,
  type Said,
  said,
  servers,
} from './world'

export const ORIGIN = 'http://127.0.0.1:4173'
const DIST = join(import.meta.dirname, '../../dist')
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; font-src 'self'; " +
  "connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
}

export interface Script {
  said?: Said[]
  servers?: object[]
  members?: object[]
  channels?: typeof channels
  /** Answers with the newest page of this many messages instead of all. */
  window?: number
  /** How a send is answered; by default it is stored and told to everyone. */
  onSend?: 'store' | 'fail' | 'hold'
}

/** A running scripted server, for one screen. */
export class Scripted {
  readonly messages: Message[]
  private readonly script: Script
  private readonly sockets = new Set<WebSocketRoute>()
  private reachable = true
  private r = 0

  constructor(script: Script) {
    this.script = script
    this.messages = (script.said ?? said).map((one, i) => messageOf(one, i + 1, i + 1))
    this.r = this.messages.length
  }

  /** Cuts every socket and refuses new ones. */
  async cut(): Promise<void> {
    this.reachable = false
    for (const socket of this.sockets) await socket.close({ code: 1006 })
  }

  /** Sends a frame to everyone. */
  tell(op: string, d: unknown): void {
    for (const socket of this.sockets) socket.send(JSON.stringify({ op, d }))
  }

  /** Someone says something. */
  say(one: Said, nonce?: string): Message {
    const message = { ...messageOf(one, this.messages.length + 1, ++this.r), ...(nonce !== undefined && { nonce }) }
    this.messages.push(message)
    this.tell('entries', { channel_id: CHANNEL, entries: [this.entry(message)] })
    return message
  }

  /** The author of a message changes it. */
  edit(id: string, text: string): void {
    const at = this.messages.findIndex((message) => message.id === id)
    const before = this.messages[at]
    if (before === undefined) throw new Error(`no message ${id}`)
    const message = { ...before, content: text, edited_at: new Date(NOW).toISOString(), v: ++this.r }
    this.messages[at] = message
    this.tell('entries', { channel_id: CHANNEL, entries: [{ ...this.entry(message), kind: 'edit' }] })
  }

  private entry(message: Message) {
    return { r: message.v, kind: 'create', actor_id: message.author_id, nonce: message.nonce, message }
  }

  /** Takes a new socket. */
  connect(socket: WebSocketRoute): void {
    if (!this.reachable) {
      void socket.close({ code: 1011 })
      return
    }
    this.sockets.add(socket)
    socket.onMessage((text) => this.hear(socket, JSON.parse(String(text))))
    socket.send(JSON.stringify({ op: 'hello', d: { heartbeat_interval: 30_000 } }))
  }

  private hear(socket: WebSocketRoute, frame: { op: string; d: { channels?: Record<string, number> } }): void {
    const send = (op: string, d: unknown) => socket.send(JSON.stringify({ op, d }))
    if (frame.op === 'heartbeat') send('heartbeat_ack', {})
    if (frame.op !== 'identify') return
    send('ready', { session_id: '1', user: people.noor, servers: this.script.servers ?? servers })
    for (const added of this.script.channels ?? channels) {
      send('channel_added', added)
      const { id, kind } = added.channel
      if (kind !== 'text') continue
      const known = frame.d.channels?.[id] ?? 0
      const here = id === CHANNEL ? this.messages : []
      send('delta', { channel_id: id, ...this.since(here, known), answer: true })
    }
  }

  private since(here: Message[], known: number) {
    const entries = here.filter((message) => message.v > known).map((message) => this.entry(message))
    const { window = 500 } = this.script
    if (entries.length <= window) return { reset: false, head: here.length, entries }
    return { reset: true, head: here.length, entries: entries.slice(-window).toReversed() }
  }

  /** Answers a request. */
  async answer(route: Route): Promise<void> {
    const url = new URL(route.request().url())
    if (url.pathname.startsWith('/api/')) return this.api(route, url)
    if (url.pathname === '/config.json') {
      return route.fulfill({ json: { issuer: ORIGIN, client_id: 'beep-web', realtime_url: '/ws' } })
    }
    return this.file(route, url.pathname)
  }

  private async file(route: Route, pathname: string): Promise<void> {
    const path = extname(pathname) === '' ? '/index.html' : pathname
    const body = await readFile(join(DIST, path)).catch(() => null)
    if (body === null) return route.fulfill({ status: 404, body: '' })
    const headers = {
      'Content-Type': types[extname(path)] ?? 'application/octet-stream',
      'Content-Security-Policy': POLICY,
    }
    return route.fulfill({ body, headers })
  }

  private async api(route: Route, url: URL): Promise<void> {
    const method = route.request().method()
    const path = url.pathname
    if (path === '/api/limits') return route.fulfill({ json: { message_length: 4000 } })
    if (path === '/api/users') {
      const ids = url.searchParams.getAll('ids')
      return route.fulfill({ json: { users: Object.values(people).filter((person) => ids.includes(person.id)) } })
    }
    if (path.endsWith('/members')) return route.fulfill({ json: { members: this.script.members ?? members } })
    if (path.endsWith('/messages') && method === 'POST') return this.send(route)
    if (path.endsWith('/messages')) return this.history(route, url)
    const lists = {
      bans: { bans },
      overwrites: { overwrites },
      'audit-log': { entries: auditLog },
      invitations: { invitations },
    }
    const list = Object.entries(lists).find(([name]) => path.endsWith(`/${name}`))
    if (list !== undefined && method === 'GET') return route.fulfill({ json: list[1] })
    if (path.endsWith('/invitations')) {
      return route.fulfill({ status: 201, json: { code: 'tide4Harbour', server_id: servers[0]?.server.id } })
    }
    if (path.startsWith('/api/invitations/tide')) {
      return route.fulfill({
        json: { code: 'tide4Harbour', server_id: '99', server_name: 'Tide Watchers', member_count: 12 },
      })
    }
    return route.fulfill({
      status: 404,
      json: { code: path.includes('invitations') ? 'invitation_not_found' : 'route_not_found' },
    })
  }

  private async history(route: Route, url: URL): Promise<void> {
    const asked = (name: string) => this.messages.findIndex((message) => message.id === url.searchParams.get(name))
    const before = asked('before')
    const around = asked('around')
    const after = asked('after')
    const all = this.messages.length
    let [from, to] = [all - 50, all]
    if (before >= 0) [from, to] = [before - 50, before]
    if (around >= 0) [from, to] = [around - 25, around + 25]
    if (after >= 0) [from, to] = [after + 1, after + 51]
    from = Math.max(0, from)
    const messages = this.messages.slice(from, to).toReversed()
    await route.fulfill({ json: { messages, head: this.r, has_before: from > 0, has_after: to < all } })
  }

  private async send(route: Route): Promise<void> {
    const { content, nonce } = JSON.parse(route.request().postData() ?? '{}')
    if (this.script.onSend === 'hold') return
    if (this.script.onSend === 'fail') return route.fulfill({ status: 403, json: { code: 'forbidden' } })
    const message = this.say({ who: 'noor', at: new Date(NOW).toISOString(), text: content }, nonce)
    await route.fulfill({ status: 201, json: message })
  }
}
