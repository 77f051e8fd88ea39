import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { isOwner } from '@/store/standing'
import { Button } from '@/ui/button'
import { Field } from '@/ui/field'
import { TextArea } from '@/ui/text-area'
import { Pane } from './frame'
import { SaveBar } from './save-bar'
import { DeleteServer, HandOver } from './server-dialogs'

/** Name and description of a server, and how it changes hands or ends. */
export function Overview({ serverId }: { serverId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const toast = useStage((stage) => stage.toast)
  const sentence = useSentence()
  const server = useSelect((state) => state.servers[serverId]?.server)
  const owns = useSelect((state) => isOwner(state, serverId, state.me?.id ?? ''))
  // What was typed; null follows the server, so that a change by another shows while nothing is typed.
  const [name, setName] = useState<string | null>(null)
  const [description, setDescription] = useState<string | null>(null)
  const [asking, setAsking] = useState<'hand-over' | 'delete' | null>(null)
  const undo = () => {
    setName(null)
    setDescription(null)
  }
  const save = useMutation({
    mutationFn: () =>
      api.updateServer(serverId, {
        ...(name !== null && { name: name.trim() }),
        ...(description !== null && { description: description.trim() }),
      }),
    onSuccess: () => {
      undo()
      toast(t('overview.saved'))
    },
  })
  if (server === undefined) return null
  const changed = (name ?? server.name) !== server.name || (description ?? server.description) !== server.description
  return (
    <Pane title={t('server_settings.overview')}>
      <div className="fields">
        <Field
          label={t('overview.name')}
          value={name ?? server.name}
          maxLength={100}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <TextArea
          label={t('overview.description')}
          value={description ?? server.description}
          maxLength={1024}
          onChange={(event) => setDescription(event.target.value)}
        />
      </div>
      {changed && (
        <SaveBar
          busy={save.isPending || (name ?? server.name).trim() === ''}
          error={save.error === null ? null : sentence(save.error)}
          onUndo={undo}
          onSave={() => save.mutate()}
        />
      )}
      {owns && (
        <div className="perm mt-8">
          <div>
            <b>{t('overview.hand_over_title')}</b>
            <small>{t('overview.hand_over_text')}</small>
          </div>
          <Button look="outline" onClick={() => setAsking('hand-over')}>
            {t('overview.hand_over')}
          </Button>
        </div>
      )}
      <div className="perm">
        <div>
          <b>{t('overview.delete')}</b>
          <small>{t('overview.delete_text')}</small>
        </div>
        <Button look="danger" onClick={() => setAsking('delete')}>
          {t('overview.delete')}
        </Button>
      </div>
      {asking === 'hand-over' && <HandOver serverId={serverId} onClose={() => setAsking(null)} />}
      {asking === 'delete' && <DeleteServer server={server} onClose={() => setAsking(null)} />}
    </Pane>
  )
}
