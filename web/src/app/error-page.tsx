import { useT } from '@/i18n/use-t'
import { Button } from '@/ui/button'
import { Mark } from '@/ui/mark'

interface ErrorPageProps {
  error: unknown
}

const RELOADED = 'beep:reloaded'

/** A chunk of an older release that the server no longer has: the page must be read anew, but only once. */
function reloadOnce(error: unknown): boolean {
  const stale = error instanceof TypeError && /dynamically imported module|Importing a module/.test(error.message)
  if (!stale || sessionStorage.getItem(RELOADED) !== null) return false
  sessionStorage.setItem(RELOADED, '1')
  location.reload()
  return true
}

/** A fault of ours: says so, and offers the way on. */
export function ErrorPage({ error }: ErrorPageProps) {
  const { t } = useT()
  if (reloadOnce(error)) return null
  return (
    <main className="blank h-full bg-surface-1" role="alert">
      <Mark size={88} dot={false} className="text-ink-3" />
      <h1>{t('error.title')}</h1>
      <p>{t('error.text')}</p>
      <code className="mt-4 rounded-sm bg-fill-2 px-2 py-1 text-xs">
        {error instanceof Error ? error.message : String(error)}
      </code>
      <Button className="mt-8" look="outline" onClick={() => location.reload()}>
        {t('error.reload')}
      </Button>
    </main>
  )
}
