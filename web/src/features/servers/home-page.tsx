import { House, Link as LinkIcon, Plus } from 'lucide-react'
import type { ReactNode } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect, useStage } from '@/store/hooks'
import { Mark } from '@/ui/mark'

interface HomePageProps {
  leading?: ReactNode
}

/** Home: what to do when no server is on the screen. */
export function HomePage({ leading }: HomePageProps) {
  const { t } = useT()
  const show = useStage((stage) => stage.show)
  const none = useSelect((state) => state.serverOrder.length === 0)
  return (
    <section className="col" aria-label={t('home.title')}>
      <header className="bar">
        {leading}
        <h1>
          <House aria-hidden />
          {t('home.title')}
        </h1>
      </header>
      <div className="blank">
        <Mark size={88} dot={false} className="text-ink-3" />
        <h2>{none ? t('home.quiet') : t('home.choose')}</h2>
        <p>{none ? t('home.quiet_text') : t('home.choose_text')}</p>
        <div className="steps">
          <button type="button" data-look="accent" onClick={() => show({ kind: 'create-server' })}>
            <Plus aria-hidden />
            <b>{t('create_server.title')}</b>
            <small>{t('home.create_hint')}</small>
          </button>
          <button type="button" onClick={() => show({ kind: 'use-invitation' })}>
            <LinkIcon aria-hidden />
            <b>{t('use_invitation.title')}</b>
            <small>{t('home.invitation_hint')}</small>
          </button>
        </div>
      </div>
    </section>
  )
}
