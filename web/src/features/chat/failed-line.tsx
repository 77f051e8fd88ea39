import { TriangleAlert } from 'lucide-react'
import { useT } from '@/i18n/use-t'
import { useEngine } from '@/store/hooks'
import type { Pending } from '@/store/state'
import { reasonOf } from './reasons'

interface FailedLineProps {
  channelId: string
  pending: Pending
}

/** What failed and why, and the two ways on. */
export function FailedLine({ channelId, pending }: FailedLineProps) {
  const { t } = useT()
  const engine = useEngine()
  const { nonce } = pending
  const what = pending.kind === 'create' ? 'failed.send' : pending.kind === 'edit' ? 'failed.edit' : 'failed.delete'
  return (
    <p className="status" role="status">
      <span className="inline-flex items-center gap-2">
        <TriangleAlert className="size-3.5" aria-hidden />
        {t(what, { reason: t(reasonOf(pending.problem)) })}
      </span>
      <button type="button" onClick={() => engine.retry(channelId, nonce)}>
        {t('retry')}
      </button>
      <button type="button" onClick={() => engine.discard(channelId, nonce)}>
        {pending.kind === 'create' ? t('delete') : t('discard')}
      </button>
    </p>
  )
}
