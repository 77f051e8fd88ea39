import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useRefusal, useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useServices } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'

interface ChannelDialogProps {
  channelId: string
  onClose(): void
}

/** The channel as it was when the question was asked: it may go while the question stands. */
function useAsked(channelId: string) {
  const { store } = useServices()
  const [channel] = useState(() => store.getState().channels[channelId]?.channel)
  return { name: channel?.name ?? '', serverId: channel?.server_id ?? '', category: channel?.kind === 'category' }
}

/** Gives a channel or a category another name. */
export function RenameChannelDialog({ channelId, onClose }: ChannelDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const sentence = useSentence()
  const { name: before, category } = useAsked(channelId)
  const [name, setName] = useState(before)
  const save = useMutation({
    mutationFn: () => api.updateChannel(channelId, { name: name.trim() }),
    onSuccess: onClose,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim() !== '') save.mutate()
  }
  return (
    <Dialog title={t('rename_channel.title', { name: before })} onClose={onClose}>
      <form onSubmit={submit} className="mt-4">
        <Field
          label={category ? t('create_category.name') : t('create_channel.name')}
          value={name}
          maxLength={100}
          autoComplete="off"
          error={save.error === null ? null : sentence(save.error)}
          onChange={(event) => setName(event.target.value)}
        />
        <div className="end">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="accent" type="submit" disabled={name.trim() === '' || save.isPending}>
            {t('save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Asks once before a channel goes, with all that was said in it. */
export function DeleteChannelDialog({ channelId, onClose }: ChannelDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const navigate = useNavigate()
  const refused = useRefusal()
  const { name, serverId, category } = useAsked(channelId)
  const remove = useMutation({
    mutationFn: () => api.deleteChannel(channelId),
    onSuccess: () => {
      onClose()
      // From its own settings, which are gone with it; elsewhere one stays where one is.
      if (location.pathname.includes(`/channels/${channelId}/`))
        void navigate({ to: '/channels/$serverId', params: { serverId } })
    },
    onError: refused,
  })
  return (
    <Dialog
      title={t('delete_channel.title', { name })}
      text={category ? t('delete_channel.category_text') : t('delete_channel.text')}
      onClose={onClose}
    >
      <div className="end mt-0!">
        <Button look="bare" onClick={onClose}>
          {t('keep')}
        </Button>
        <Button look="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>
          {category ? t('delete_channel.category') : t('delete_channel.action')}
        </Button>
      </div>
    </Dialog>
  )
}
