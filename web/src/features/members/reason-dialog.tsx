import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useStage } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'

interface ReasonDialogProps {
  title: string
  text: string
  /** The verb on the button. */
  action: string
  look: 'danger' | 'accent'
  /** What is said when it is done. */
  said: string
  children?: ReactNode
  act(reason: string): Promise<unknown>
  onClose(): void
}

/** Asks why before something is done to someone. */
export function ReasonDialog({ title, text, action, look, said, children, act, onClose }: ReasonDialogProps) {
  const { t } = useT()
  const toast = useStage((stage) => stage.toast)
  const sentence = useSentence()
  const [reason, setReason] = useState('')
  const acting = useMutation({
    mutationFn: () => act(reason),
    onSuccess: () => {
      onClose()
      toast(said)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    acting.mutate()
  }
  return (
    <Dialog title={title} text={text} onClose={onClose}>
      <form onSubmit={submit} className="grid gap-4">
        {children}
        <Field
          label={t('reason.label')}
          hint={t('reason.hint')}
          value={reason}
          maxLength={512}
          autoComplete="off"
          error={acting.error === null ? null : sentence(acting.error)}
          onChange={(event) => setReason(event.target.value)}
        />
        <div className="end mt-0!">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look={look} type="submit" disabled={acting.isPending}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
