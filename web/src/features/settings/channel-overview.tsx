import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useRefusal, useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { movedOrder } from '@/store/channel-order'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { hasServerRight } from '@/store/selectors'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { Select } from '@/ui/select'
import { TextArea } from '@/ui/text-area'
import { Pane } from './frame'
import { SaveBar } from './save-bar'

/** What of a channel its overview changes. */
interface Draft {
  name?: string
  topic?: string
  parent_id?: string
}

/** What a channel is called and for, where it stands, and its end. */
export function ChannelOverview({ channelId }: { channelId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const toast = useStage((stage) => stage.toast)
  const show = useStage((stage) => stage.show)
  const sentence = useSentence()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  const channels = useSelect((state) => state.channels)
  // What differs from the channel; the rest follows it, whoever changes it.
  const [draft, setDraft] = useState<Draft>({})
  const save = useMutation({
    mutationFn: () => api.updateChannel(channelId, draft),
    onSuccess: () => {
      setDraft({})
      toast(t('overview.saved'))
    },
  })
  if (channel === undefined) return null
  const category = channel.kind === 'category'
  const shown = { ...channel, ...draft }
  const changed = shown.name !== channel.name || shown.topic !== channel.topic || shown.parent_id !== channel.parent_id
  // One that may be put into, and the one where it stands.
  const places = Object.values(channels)
    .filter(({ channel: one }) => one.server_id === channel.server_id && one.kind === 'category')
    .filter(({ channel: one, rights }) => one.id === channel.parent_id || rights.includes('manage_channels'))
    .map(({ channel: one }) => ({ value: one.id, label: one.name }))
  return (
    <Pane title={t('server_settings.overview')}>
      <div className="fields">
        <Field
          label={category ? t('create_category.name') : t('create_channel.name')}
          value={shown.name}
          maxLength={100}
          autoComplete="off"
          onChange={(event) => setDraft({ ...draft, name: event.target.value })}
        />
        {!category && (
          <>
            <TextArea
              label={t('create_channel.topic')}
              value={shown.topic}
              maxLength={1024}
              onChange={(event) => setDraft({ ...draft, topic: event.target.value })}
            />
            <Select
              label={t('channel_settings.place')}
              value={shown.parent_id}
              options={[{ value: '0', label: t('channel_settings.no_category') }, ...places]}
              onChange={(parent_id) => setDraft({ ...draft, parent_id })}
            />
          </>
        )}
      </div>
      {changed && (
        <SaveBar
          busy={save.isPending || shown.name.trim() === ''}
          error={save.error === null ? null : sentence(save.error)}
          onUndo={() => setDraft({})}
          onSave={() => save.mutate()}
        />
      )}
      <Place channelId={channelId} />
      <div className="perm">
        <div>
          <b>{category ? t('delete_channel.category') : t('delete_channel.action')}</b>
          <small>{category ? t('delete_channel.category_text') : t('delete_channel.text')}</small>
        </div>
        <Button look="danger" onClick={() => show({ kind: 'delete-channel', channelId })}>
          {category ? t('delete_channel.category') : t('delete_channel.action')}
        </Button>
      </div>
    </Pane>
  )
}

/** One place further up or down among its own; at once, since others see the order too. */
function Place({ channelId }: { channelId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const refused = useRefusal()
  const channels = useSelect((state) => state.channels)
  const serverId = channels[channelId]?.channel.server_id ?? ''
  const may = useSelect((state) => hasServerRight(state, serverId, 'manage_channels'))
  const reorder = useMutation({
    mutationFn: (order: string[]) => api.reorderChannels(serverId, order),
    onError: refused,
  })
  const [up, down] = [movedOrder(channels, channelId, -1), movedOrder(channels, channelId, 1)]
  if (!may) return null
  return (
    <div className="perm mt-8">
      <div>
        <b>{t('channel_settings.position')}</b>
        <small>{t('channel_settings.position_help')}</small>
      </div>
      <Button disabled={up === null || reorder.isPending} onClick={() => up !== null && reorder.mutate(up)}>
        {t('channel_menu.up')}
      </Button>
      <Button disabled={down === null || reorder.isPending} onClick={() => down !== null && reorder.mutate(down)}>
        {t('channel_menu.down')}
      </Button>
    </div>
  )
}
