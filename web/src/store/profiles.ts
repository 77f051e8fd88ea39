/** Gets the profiles of people who are spoken of: many rows ask at once, one request answers. */
import type { Api } from '@/lib/api/client'
import { asProblem } from '@/lib/api/problem'
import type { Profile } from '@/lib/wire/objects'

const WAIT = 20
const PER_CALL = 100

interface ProfilesDeps {
  api: Pick<Api, 'users'>
  /** Whether someone's profile is here. */
  known(id: string): boolean
  onUsers(users: readonly Profile[]): void
}

export class Profiles {
  private readonly deps: ProfilesDeps
  private readonly asked = new Set<string>()
  private readonly wanted = new Set<string>()
  private timer: ReturnType<typeof setTimeout> | null = null

  constructor(deps: ProfilesDeps) {
    this.deps = deps
  }

  /** Asks for those who are not here and were not asked for. */
  want(ids: readonly string[]): void {
    for (const id of ids) if (id !== '0' && !this.deps.known(id) && !this.asked.has(id)) this.wanted.add(id)
    if (this.wanted.size === 0 || this.timer !== null) return
    this.timer = setTimeout(() => {
      this.timer = null
      void this.fetch()
    }, WAIT)
  }

  private async fetch(): Promise<void> {
    const ids = [...this.wanted].slice(0, PER_CALL)
    for (const id of ids) {
      this.wanted.delete(id)
      this.asked.add(id)
    }
    try {
      this.deps.onUsers(await this.deps.api.users(ids))
    } catch (error) {
      // Without an answer they may be asked for again; refused, the names stay unknown.
      if (asProblem(error).unknownOutcome) for (const id of ids) this.asked.delete(id)
    }
    this.want([])
  }
}
