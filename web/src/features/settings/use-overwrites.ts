import { useQuery } from '@tanstack/react-query'
import { useSelect, useServices } from '@/store/hooks'
import { masksOf } from '@/store/overwrites'

/** What a channel says of whom; while it follows its category, what the category says. */
export function useOverwrites(channelId: string) {
  const { api } = useServices()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  // No frame tells of other overwrites than one's own rights; who begins or ends to follow has others.
  const query = useQuery({
    queryKey: ['overwrites', channelId, channel?.synced, channel?.parent_id],
    queryFn: () => api.overwrites(channelId),
    staleTime: 0,
    gcTime: 0,
  })
  const list = query.data ?? []
  return {
    list,
    masks: masksOf(list),
    loading: query.isPending,
    error: query.error,
    again: async () => void (await query.refetch()),
  }
}
