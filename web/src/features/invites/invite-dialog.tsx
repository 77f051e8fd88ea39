import { useMutation } from '@tanstack/react-query'
import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { useT } from '@/i18n/use-t'
import { asProblem } from '@/lib/api/problem'
import { useSelect, useServices } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { Segmented } from '@/ui/segmented'

interface InviteDialogProps {
  serverId: string
  onClose(): void
}

const DAY = 86_400
type Days = '1' | '7' | '30'
const lifetimes: readonly Days[] = ['1', '7', '30']

/** Makes an invitation link to hand on. */
export function InviteDialog({ serverId, onClose }: InviteDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const name = useSelect((state) => state.servers[serverId]?.server.name ?? '')
  const [days, setDays] = useState<Days>('7')
  const [copied, setCopied] = useState(false)
  const create = useMutation({
    mutationFn: () => api.createInvitation(serverId, Number(days) * DAY),
  })
  const link = create.data === undefined ? '' : `${location.origin}/invite/${create.data.code}`
  const copy = async () => {
    await navigator.clipboard.writeText(link)
    setCopied(true)
  }
  const code = create.error === null ? null : asProblem(create.error).code
  const error = code === null ? null : code === 'forbidden' ? t('reason.forbidden') : t('dialog.failed')

  return (
    <Dialog title={t('invite.to', { name })} text={t('invite.text')} onClose={onClose}>
      {link === '' ? (
        <>
          <p className="mb-2 text-sm font-medium">{t('invite.lifetime')}</p>
          <Segmented<Days>
            label={t('invite.lifetime')}
            value={days}
            options={lifetimes.map((value) => ({ value, label: t('invite.days', { days: Number(value) }) }))}
            onChange={setDays}
          />
          {error !== null && (
            <p role="alert" className="mt-3 text-sm text-danger-ink">
              {error}
            </p>
          )}
        </>
      ) : (
        <Field label={t('invite.link')} readOnly value={link} onFocus={(event) => event.target.select()} />
      )}
      <div className="end">
        <Button look="bare" onClick={onClose}>
          {t('close')}
        </Button>
        {link === '' ? (
          <Button look="accent" disabled={create.isPending} onClick={() => create.mutate()}>
            {t('invite.create')}
          </Button>
        ) : (
          <Button look="accent" onClick={() => void copy()}>
            {copied ? <Check className="size-4" aria-hidden /> : <Copy className="size-4" aria-hidden />}
            {copied ? t('copied') : t('invite.copy')}
          </Button>
        )}
      </div>
    </Dialog>
  )
}
