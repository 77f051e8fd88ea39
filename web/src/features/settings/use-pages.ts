import { useInfiniteQuery } from '@tanstack/react-query'
import { recordsPerPage } from '@/lib/api/moderation'

/** A list that the server gives newest first, page by page; a page that is not full is the last. */
export function usePages<T extends { id: string }>(key: readonly string[], fetch: (before: string) => Promise<T[]>) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => fetch(pageParam),
    initialPageParam: '',
    getNextPageParam: (last) => (last.length < recordsPerPage ? undefined : last.at(-1)?.id),
    // Opened anew it is read anew: others change it too, and no frame tells.
    staleTime: 0,
    gcTime: 0,
  })
  return {
    items: query.data?.pages.flat() ?? [],
    loading: query.isPending,
    error: query.error,
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
    again: () => void query.refetch(),
  }
}
