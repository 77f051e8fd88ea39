import { useEffect } from 'react'
import { useSelect } from '@/store/hooks'
import { isUnread } from '@/store/selectors'

/** The tab's title: the channel and server on the screen, with a dot before them when something is unread. */
export function useTitle(): void {
  const title = useSelect((state) => {
    const view = state.viewing === null ? undefined : state.channels[state.viewing.channelId]
    const name =
      view === undefined ? '' : `${view.channel.name}, ${state.servers[view.channel.server_id]?.server.name ?? ''}`
    const unread = Object.keys(state.channels).some((id) => isUnread(state, id))
    return `${unread ? '• ' : ''}${name === '' ? 'Beep' : name}`
  })
  useEffect(() => {
    document.title = title
  }, [title])
}
