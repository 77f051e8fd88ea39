/** The real thing: bin/beep with everything in one process, on a free port, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BINARY = process.env.BEEP_BIN ?? join(import.meta.dirname, '../../../bin/beep')
const START_WITHIN = 20_000
const LETTER_WITHIN = 10_000

export class Beep {
  readonly url: string
  private readonly data: string
  private process: ChildProcess | null = null
  private log = ''

  private constructor(url: string, data: string) {
    this.url = url
    this.data = data
  }

  static async start(): Promise<Beep> {
    const beep = new Beep(`http://127.0.0.1:${await freePort()}`, await mkdtemp(join(tmpdir(), 'beep-browser-')))
    await beep.run()
    return beep
  }

  /** Starts the process on the data and the port that it had, and waits until it answers. */
  async run(): Promise<void> {
    const args = ['serve', '--data', this.data, '--http', new URL(this.url).host, '--health', '']
    const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.process = child
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (this.log += text))
    const deadline = Date.now() + START_WITHIN
    while (!(await this.answers())) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`beep did not start:\n${this.log}`)
    }
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const child = this.process
    this.process = null
    if (child === null || child.exitCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.data, { recursive: true, force: true })
  }

  /** The code of the newest letter to someone. */
  codeFor(email: string): Promise<string> {
    return this.inLetter(email, /\b(\d{6}|\d{3} \d{3})\b/)
  }

  /** The link of the newest letter to someone. */
  linkFor(email: string): Promise<string> {
    return this.inLetter(email, /(https?:\/\/\S+)/)
  }

  /** A letter may come after the page that speaks of it. */
  private async inLetter(email: string, what: RegExp): Promise<string> {
    const deadline = Date.now() + LETTER_WITHIN
    for (;;) {
      const response = await fetch(`${this.url}/oidc/mailbox?format=json&to=${encodeURIComponent(email)}`)
      const { letters } = (await response.json()) as { letters: { text: string }[] }
      const [found] = letters.map(({ text }) => what.exec(text)?.[1]).filter((part) => part !== undefined)
      if (found !== undefined) return found
      if (Date.now() > deadline) throw new Error(`no ${what} for ${email}: ${JSON.stringify(letters)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  private async answers(): Promise<boolean> {
    const response = await fetch(`${this.url}/config.json`).catch(() => null)
    if (response?.ok) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
    return false
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(address)))
    })
  })
}
