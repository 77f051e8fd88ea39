import { Link } from '@tanstack/react-router'
import { useT } from '@/i18n/use-t'
import { Mark } from '@/ui/mark'

/** Nothing lives at this address, or nothing that the user may know of. */
export function NotFoundPage() {
  const { t } = useT()
  return (
    <main className="blank h-full bg-surface-1">
      <Mark size={88} dot={false} className="text-ink-3" />
      <h1>{t('not_found.title')}</h1>
      <p>{t('not_found.text')}</p>
      <Link to="/" className="btn mt-8" data-look="outline">
        {t('not_found.home')}
      </Link>
    </main>
  )
}
