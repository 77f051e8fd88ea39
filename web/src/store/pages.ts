/** Reads, page by page, what is too long for one answer: the history of a channel, the members of a server. */
import { type Api, membersPerPage, type PageAt } from '@/lib/api/client'
import type { StoreEvent } from './apply'
import type { Store } from './store'
import { type Edge, refusePage } from './window'

const TRIES = 4
/** A member list is read ahead this far; beyond it, by scrolling. */
const MEMBERS_AHEAD = 1_000

interface PagesDeps {
  api: Pick<Api, 'messages' | 'members'>
  store: Store
  dispatch(event: StoreEvent): void
  /** Asks for the profiles of those who are named. */
  want(ids: readonly string[]): void
}

export class Pages {
  private readonly deps: PagesDeps
  private readonly loading = new Set<string>()

  constructor(deps: PagesDeps) {
    this.deps = deps
  }

  /** Reads one page of a channel's history. One request per edge at a time; answers whether it was merged. */
  async history(channelId: string, edge: Edge, anchor: string, where: PageAt): Promise<boolean> {
    const key = `${channelId} ${edge} ${JSON.stringify(where)}`
    if (this.loading.has(key)) return false
    this.loading.add(key)
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const generation = this.deps.store.getState().windows[channelId]?.generation
        if (generation === undefined) return false
        const answer = { edge, anchor, generation, page: await this.deps.api.messages(channelId, where) }
        const window = this.deps.store.getState().windows[channelId]
        const refusal = window === undefined ? 'other-window' : refusePage(window, answer)
        if (refusal === 'other-window') return false
        if (refusal === 'too-old') continue
        this.deps.dispatch({ type: 'page', channelId, answer })
        this.deps.want(answer.page.messages.map((message) => message.author_id))
        return true
      }
      return false
    } finally {
      this.loading.delete(key)
    }
  }

  /** Reads the next page of members, and further ones up to a bound. */
  async members(serverId: string): Promise<void> {
    const key = `members ${serverId}`
    if (this.loading.has(key)) return
    this.loading.add(key)
    try {
      for (let read = 0; read < MEMBERS_AHEAD; read += membersPerPage) {
        const known = this.deps.store.getState().members[serverId]
        if (known?.complete) return
        const members = await this.deps.api.members(serverId, known?.cursor ?? '')
        this.deps.dispatch({ type: 'members', serverId, members, complete: members.length < membersPerPage })
        this.deps.want(members.map((member) => member.user_id))
      }
    } finally {
      this.loading.delete(key)
    }
  }
}
