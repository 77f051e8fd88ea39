import type { ReactNode } from 'react'
import { useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { Button } from '@/ui/button'
import { Skeleton } from '@/ui/skeleton'

interface ListingProps {
  loading: boolean
  error: unknown
  /** What is said of a list with nothing in it. */
  none: string
  empty: boolean
  /** Reads the next page; null when there is none. */
  more: (() => void) | null
  onAgain(): void
  children: ReactNode
}

/** A list read from the server: on its way, refused, empty, or there. */
export function Listing({ loading, error, none, empty, more, onAgain, children }: ListingProps) {
  const { t } = useT()
  const sentence = useSentence()
  if (loading) return <Skeleton label={t('loading')} rows={4} />
  if (error !== null && empty) {
    return (
      <div role="alert" className="mt-6 grid justify-items-start gap-3">
        <p>{sentence(error)}</p>
        <Button onClick={onAgain}>{t('retry')}</Button>
      </div>
    )
  }
  if (empty) return <p className="mt-6 text-ink-3">{none}</p>
  return (
    <>
      <ul className="things">{children}</ul>
      {more !== null && (
        <Button className="mt-4" onClick={more}>
          {t('more')}
        </Button>
      )}
    </>
  )
}
