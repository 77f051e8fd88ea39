import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { codeOf } from './code-of'

interface UseInvitationDialogProps {
  onClose(): void
}

/** Takes the link that someone was sent. */
export function UseInvitationDialog({ onClose }: UseInvitationDialogProps) {
  const { t } = useT()
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [left, setLeft] = useState(false)
  const code = codeOf(text)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setLeft(true)
    if (code === null) return
    onClose()
    void navigate({ to: '/invite/$code', params: { code } })
  }
  return (
    <Dialog title={t('use_invitation.title')} onClose={onClose}>
      <form onSubmit={submit} className="mt-4">
        <Field
          label={t('use_invitation.link')}
          placeholder={`${location.origin}/invite/…`}
          value={text}
          autoComplete="off"
          error={left && text !== '' && code === null ? t('use_invitation.wrong') : null}
          onBlur={() => setLeft(true)}
          onChange={(event) => {
            setText(event.target.value)
            setLeft(false)
          }}
        />
        <div className="end">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="accent" type="submit" disabled={text.trim() === ''}>
            {t('use_invitation.action')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
