import { Hash } from 'lucide-react'
import { useT } from '@/i18n/use-t'
import { Mark } from '@/ui/mark'

interface BeginningProps {
  channelName: string
  empty: boolean
}

/** What stands above the first message, or in the place of any. */
export function Beginning({ channelName, empty }: BeginningProps) {
  const { t } = useT()
  if (empty) {
    return (
      <div className="blank">
        <Mark size={88} dot={false} className="text-ink-3" />
        <h2>{t('channel.quiet')}</h2>
        <p>{t('channel.quiet_text', { channel: channelName })}</p>
      </div>
    )
  }
  return (
    <div className="beginning">
      <h2 className="flex items-center gap-2">
        <Hash className="size-6 text-ink-3" aria-hidden />
        {channelName}
      </h2>
      <p className="mt-1 text-sm text-ink-3">{t('channel.beginning', { channel: channelName })}</p>
    </div>
  )
}
