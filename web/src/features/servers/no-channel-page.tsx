import { Hash } from 'lucide-react'
import type { ReactNode } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect, useStage } from '@/store/hooks'
import { hasServerRight } from '@/store/selectors'
import { Button } from '@/ui/button'
import { Mark } from '@/ui/mark'

interface NoChannelPageProps {
  serverId: string
  leading?: ReactNode
}

/** A server in which the user sees no channel. */
export function NoChannelPage({ serverId, leading }: NoChannelPageProps) {
  const { t } = useT()
  const show = useStage((stage) => stage.show)
  const name = useSelect((state) => state.servers[serverId]?.server.name ?? '')
  const mayCreate = useSelect((state) => hasServerRight(state, serverId, 'manage_channels'))
  return (
    <section className="col" aria-label={name}>
      <header className="bar">
        {leading}
        <h1>
          <Hash aria-hidden />
          <span className="truncate">{name}</span>
        </h1>
      </header>
      <div className="blank">
        <Mark size={88} dot={false} className="text-ink-3" />
        <h2>{t('no_channel.title')}</h2>
        <p>{mayCreate ? t('no_channel.text_create') : t('no_channel.text')}</p>
        {mayCreate && (
          <Button look="accent" className="mt-6" onClick={() => show({ kind: 'create-channel', serverId })}>
            {t('create_channel.title')}
          </Button>
        )}
      </div>
    </section>
  )
}
