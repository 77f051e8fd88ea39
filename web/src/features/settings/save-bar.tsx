import { useT } from '@/i18n/use-t'
import { Button } from '@/ui/button'

interface SaveBarProps {
  busy: boolean
  /** Why the last try had no effect. */
  error: string | null
  onUndo(): void
  onSave(): void
}

/** Floats over the end of the page while something is unsaved. */
export function SaveBar({ busy, error, onUndo, onSave }: SaveBarProps) {
  const { t } = useT()
  return (
    <section className="savebar" aria-label={t('unsaved')}>
      {error === null ? (
        <p>{t('unsaved')}</p>
      ) : (
        <p role="alert" className="text-danger-ink">
          {error}
        </p>
      )}
      <Button look="bare" onClick={onUndo}>
        {t('undo')}
      </Button>
      <Button look="accent" disabled={busy} onClick={onSave}>
        {t('save')}
      </Button>
    </section>
  )
}
