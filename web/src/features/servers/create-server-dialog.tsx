import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { asProblem } from '@/lib/api/problem'
import { useServices } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'

interface CreateServerDialogProps {
  onClose(): void
}

/** Makes a server: a name and nothing else. */
export function CreateServerDialog({ onClose }: CreateServerDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const create = useMutation({
    mutationFn: () => api.createServer(name.trim()),
    onSuccess: (server) => {
      onClose()
      void navigate({ to: '/channels/$serverId', params: { serverId: server.id } })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim() !== '') create.mutate()
  }
  const code = create.error === null ? null : asProblem(create.error).code
  const error = code === null ? null : code === 'server_limit' ? t('create_server.limit') : t('dialog.failed')
  return (
    <Dialog title={t('create_server.title')} text={t('create_server.text')} onClose={onClose}>
      <form onSubmit={submit}>
        <Field
          label={t('create_server.name')}
          placeholder={t('create_server.placeholder')}
          value={name}
          maxLength={100}
          autoComplete="off"
          error={error}
          onChange={(event) => setName(event.target.value)}
        />
        <div className="end">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="accent" type="submit" disabled={name.trim() === '' || create.isPending}>
            {t('create_server.action')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
