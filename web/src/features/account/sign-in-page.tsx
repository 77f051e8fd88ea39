import { TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import { useT } from '@/i18n/use-t'
import { useServices } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Wordmark } from '@/ui/wordmark'

interface SignInPageProps {
  /** Where to go afterwards. */
  returnTo: string
  /** The provider's code, when a sign-in came back without one signed in. */
  error: string | null
}

/** The door: who is not signed in goes to the provider from here and comes back to where they wanted to go. */
export function SignInPage({ returnTo, error }: SignInPageProps) {
  const { t } = useT()
  const { session } = useServices()
  const [unreachable, setUnreachable] = useState(false)
  const login = () => {
    setUnreachable(false)
    session.login(returnTo).catch(() => setUnreachable(true))
  }
  const trouble = unreachable ? t('sign_in.unreachable') : error === null ? null : reason(error)

  function reason(code: string): string {
    return code === 'access_denied'
      ? t('sign_in.denied')
      : code === 'no_attempt'
        ? t('sign_in.stale')
        : t('sign_in.failed')
  }
  return (
    <main className="door">
      <div className="body">
        <Wordmark />
        <div className="mt-6">
          <h1>{t('sign_in.title')}</h1>
          <p className="mt-1 text-base text-ink-3">{t('sign_in.to', { host: location.host })}</p>
        </div>
        {trouble !== null && (
          <p role="alert" className="flex items-center gap-2 text-sm text-danger-ink">
            <TriangleAlert className="size-4" aria-hidden />
            {trouble}
          </p>
        )}
        <Button look="accent" size="block" onClick={login}>
          {t('sign_in.action')}
        </Button>
        <p className="text-sm text-ink-3">{t('sign_in.new')}</p>
      </div>
      <div className="art" aria-hidden>
        <svg viewBox="0 0 800 880" preserveAspectRatio="xMidYMid slice" aria-hidden>
          <g fill="none" stroke="currentColor" strokeWidth="112" strokeLinecap="round">
            <path d="M236 -80V706" />
            <circle cx="586" cy="706" r="350" />
          </g>
          <circle cx="586" cy="706" r="124" fill="var(--color-poster)" />
        </svg>
      </div>
    </main>
  )
}
