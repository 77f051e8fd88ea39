import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { asProblem } from '@/lib/api/problem'
import { useSelect, useServices } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { SwitchRow } from '@/ui/switch'

interface CreateChannelDialogProps {
  serverId: string
  /** The category that it is to stand in. */
  parentId?: string
  onClose(): void
}

/** Makes a text channel; one that is private opens at the choice of whom it is for. */
export function CreateChannelDialog({ serverId, parentId, onClose }: CreateChannelDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const navigate = useNavigate()
  const category = useSelect((state) => (parentId === undefined ? '' : (state.channels[parentId]?.channel.name ?? '')))
  const [name, setName] = useState('')
  const [topic, setTopic] = useState('')
  const [few, setFew] = useState(false)
  const create = useMutation({
    mutationFn: () =>
      api.createChannel(serverId, {
        name: name.trim(),
        topic: topic.trim(),
        ...(parentId !== undefined && { parentId }),
        ...(few && { private: { roleIds: [], memberIds: [] } }),
      }),
    onSuccess: ({ id: channelId }) => {
      onClose()
      const to = few ? '/servers/$serverId/channels/$channelId/settings/$section' : '/channels/$serverId/$channelId'
      void navigate({ to, params: { serverId, channelId, section: 'access' } })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim() !== '') create.mutate()
  }
  return (
    <Dialog
      title={category === '' ? t('create_channel.title') : t('create_channel.title_in', { category })}
      onClose={onClose}
    >
      <form onSubmit={submit} className="mt-4 grid gap-4">
        <Field
          label={t('create_channel.name')}
          placeholder={t('create_channel.placeholder')}
          value={name}
          maxLength={100}
          autoComplete="off"
          error={useCreateError(create.error)}
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
        <SwitchRow
          label={t('create_channel.private')}
          help={t('create_channel.private_help')}
          checked={few}
          onChange={setFew}
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

interface CreateCategoryDialogProps {
  serverId: string
  onClose(): void
}

/** Makes a category: a heading under which channels stand. */
export function CreateCategoryDialog({ serverId, onClose }: CreateCategoryDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const [name, setName] = useState('')
  const create = useMutation({
    mutationFn: () => api.createChannel(serverId, { name: name.trim(), topic: '', kind: 'category' }),
    onSuccess: onClose,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim() !== '') create.mutate()
  }
  return (
    <Dialog title={t('create_category.title')} text={t('create_category.text')} onClose={onClose}>
      <form onSubmit={submit}>
        <Field
          label={t('create_category.name')}
          value={name}
          maxLength={100}
          autoComplete="off"
          error={useCreateError(create.error)}
          onChange={(event) => setName(event.target.value)}
        />
        <div className="end">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="accent" type="submit" disabled={name.trim() === '' || create.isPending}>
            {t('create_category.action')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Why there is no new channel; null when nothing went wrong. */
function useCreateError(error: unknown): string | null {
  const { t } = useT()
  if (error === null) return null
  const known: Record<string, string> = { channel_limit: t('create_channel.limit'), forbidden: t('reason.forbidden') }
  return known[asProblem(error).code] ?? t('dialog.failed')
}
