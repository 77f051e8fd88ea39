import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { asProblem } from '@/lib/api/problem'
import { useServices } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'

interface CreateChannelDialogProps {
  serverId: string
  onClose(): void
}

/** Makes a text channel. */
export function CreateChannelDialog({ serverId, onClose }: CreateChannelDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [topic, setTopic] = useState('')
  const create = useMutation({
    mutationFn: () => api.createChannel(serverId, { name: name.trim(), topic: topic.trim() }),
    onSuccess: (channel) => {
      onClose()
      void navigate({ to: '/channels/$serverId/$channelId', params: { serverId, channelId: channel.id } })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim() !== '') create.mutate()
  }
  const code = create.error === null ? null : asProblem(create.error).code
  const known: Record<string, string> = { channel_limit: t('create_channel.limit'), forbidden: t('reason.forbidden') }
  const error = code === null ? null : (known[code] ?? t('dialog.failed'))
  return (
    <Dialog title={t('create_channel.title')} onClose={onClose}>
      <form onSubmit={submit} className="mt-4 grid gap-4">
        <Field
          label={t('create_channel.name')}
          placeholder={t('create_channel.placeholder')}
          value={name}
          maxLength={100}
          autoComplete="off"
          error={error}
          onChange={(event) => setName(event.target.value)}
        />
        <Field
          label={t('create_channel.topic')}
          hint={t('create_channel.topic_hint')}
          value={topic}
          maxLength={1024}
          autoComplete="off"
          onChange={(event) => setTopic(event.target.value)}
        />
        <div className="end mt-0!">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="accent" type="submit" disabled={name.trim() === '' || create.isPending}>
            {t('create_channel.action')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
