import { useT } from '@/i18n/use-t'
import { Button } from '@/ui/button'

interface EdgeErrorProps {
  onRetry(): void
}

/** History could not be read; nothing is tried again behind the reader's back. */
export function EdgeError({ onRetry }: EdgeErrorProps) {
  const { t } = useT()
  return (
    <p className="flex items-center justify-center gap-3 p-4 text-sm text-ink-2" role="status">
      {t('messages.load_failed')}
      <Button size="small" look="outline" onClick={onRetry}>
        {t('retry')}
      </Button>
    </p>
  )
}
