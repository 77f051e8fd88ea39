/** Who is writing, until when. */
import { without } from './records'
import type { State } from './state'

/** How long someone counts as typing after the last word of it. */
export const TYPING_FOR = 8_000

export function typing(state: State, channelId: string, userId: string, now: number): State {
  if (userId === state.me?.id || state.channels[channelId] === undefined) return state
  const there = { ...state.typing[channelId], [userId]: now + TYPING_FOR }
  return { ...state, typing: { ...state.typing, [channelId]: there } }
}

export function stopTyping(state: State, channelId: string, users: readonly string[]): State {
  const there = state.typing[channelId]
  if (there === undefined || !users.some((user) => there[user] !== undefined)) return state
  return { ...state, typing: { ...state.typing, [channelId]: without(there, users) } }
}

export function quiet(state: State, now: number): State {
  const channels = Object.entries(state.typing)
  if (!channels.some(([, users]) => Object.values(users).some((until) => until <= now))) return state
  const still = channels.map(([id, users]) => [
    id,
    Object.fromEntries(Object.entries(users).filter(([, until]) => until > now)),
  ])
  return { ...state, typing: Object.fromEntries(still) }
}
