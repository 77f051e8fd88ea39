/** The order of channels, as the server takes it: all that the user sees, each once. */
import type { Channel } from '@/lib/wire/objects'
import type { State } from './state'

/** What a channel changes places with: the others of its category, or the other categories. */
function siblings(ordered: readonly Channel[], of: Channel): Channel[] {
  const categories = new Set(ordered.filter(({ kind }) => kind === 'category').map(({ id }) => id))
  // A channel whose category is not seen stands among those without one.
  const placeOf = ({ parent_id }: Channel) => (categories.has(parent_id) ? parent_id : '0')
  return ordered.filter((one) => (one.kind === 'category') === (of.kind === 'category') && placeOf(one) === placeOf(of))
}

/** The order with a channel one place further up (-1) or down (1) among its own; null where it ends. */
export function movedOrder(channels: State['channels'], channelId: string, by: -1 | 1): string[] | null {
  const moved = channels[channelId]?.channel
  if (moved === undefined) return null
  const ordered = Object.values(channels)
    .map(({ channel }) => channel)
    .filter((channel) => channel.server_id === moved.server_id)
    .sort((a, b) => a.position - b.position)
  const near = siblings(ordered, moved)
  const other = near[near.findIndex(({ id }) => id === channelId) + by]
  if (other === undefined) return null
  const swapped: Record<string, string> = { [channelId]: other.id, [other.id]: channelId }
  return ordered.map(({ id }) => swapped[id] ?? id)
}
