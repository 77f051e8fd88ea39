import { useState } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices } from '@/store/hooks'
import { nameIn, serverIdOf } from '@/store/selectors'

interface LiveWordsProps {
  channelId: string
}

/** Says the newest message of others aloud, and only that: the log itself is silent, since history fills it too. */
export function LiveWords({ channelId }: LiveWordsProps) {
  const { t } = useT()
  const { store } = useServices()
  // What was there when the channel was opened is no news.
  const [opened] = useState(() => store.getState().windows[channelId]?.n ?? 0)
  const words = useSelect((state) => {
    const window = state.windows[channelId]
    const last = window?.atEnd ? window.states.get(window.ids.at(-1) ?? '') : undefined
    if (last === undefined || last.n <= opened || last.deleted) return ''
    if (last.author_id === state.me?.id) return ''
    const name = nameIn(state, serverIdOf(state, channelId), last.author_id) || t('user.unknown')
    return `${name}: ${last.content}`
  })
  return (
    <p className="sr-only" aria-live="polite">
      {words}
    </p>
  )
}
