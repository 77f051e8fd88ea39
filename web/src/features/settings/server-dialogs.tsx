import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import type { Server } from '@/lib/wire/objects'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { nameIn } from '@/store/selectors'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { Select } from '@/ui/select'

interface HandOverProps {
  serverId: string
  onClose(): void
}

/** Makes another member the owner. */
export function HandOver({ serverId, onClose }: HandOverProps) {
  const { t } = useT()
  const { api } = useServices()
  const toast = useStage((stage) => stage.toast)
  const sentence = useSentence()
  const me = useSelect((state) => state.me?.id ?? '')
  const members = useSelect((state) => state.members)
  const users = useSelect((state) => state.users)
  const others = Object.keys(members[serverId]?.byId ?? {})
    .filter((id) => id !== me)
    .map((id) => ({ value: id, label: nameIn({ members, users }, serverId, id) || t('user.unknown') }))
    .sort((a, b) => a.label.localeCompare(b.label))
  const [chosen, setChosen] = useState('')
  const transfer = useMutation({
    mutationFn: () => api.transferServer(serverId, chosen),
    onSuccess: () => {
      onClose()
      toast(t('overview.handed_over', { name: nameIn({ members, users }, serverId, chosen) }))
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (chosen !== '') transfer.mutate()
  }
  return (
    <Dialog title={t('overview.hand_over_title')} text={t('overview.hand_over_text')} onClose={onClose}>
      <form onSubmit={submit}>
        <Select
          label={t('overview.new_owner')}
          value={chosen}
          options={[{ value: '', label: '' }, ...others]}
          onChange={setChosen}
        />
        {transfer.error !== null && (
          <p role="alert" className="mt-3 text-sm text-danger-ink">
            {sentence(transfer.error)}
          </p>
        )}
        <div className="end">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="danger" type="submit" disabled={chosen === '' || transfer.isPending}>
            {t('overview.hand_over')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

interface DeleteServerProps {
  server: Server
  onClose(): void
}

/** Ends a server, once its name was typed. */
export function DeleteServer({ server, onClose }: DeleteServerProps) {
  const { t } = useT()
  const { api } = useServices()
  const navigate = useNavigate()
  const sentence = useSentence()
  const [typed, setTyped] = useState('')
  const remove = useMutation({
    mutationFn: () => api.deleteServer(server.id, typed),
    onSuccess: () => {
      onClose()
      void navigate({ to: '/' })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (typed === server.name) remove.mutate()
  }
  return (
    <Dialog title={t('roles.delete_title', { name: server.name })} text={t('overview.delete_text')} onClose={onClose}>
      <form onSubmit={submit}>
        <Field
          label={t('overview.delete_label', { name: server.name })}
          value={typed}
          autoComplete="off"
          error={remove.error === null ? null : sentence(remove.error)}
          onChange={(event) => setTyped(event.target.value)}
        />
        <div className="end">
          <Button look="bare" onClick={onClose}>
            {t('keep')}
          </Button>
          <Button look="danger" type="submit" disabled={typed !== server.name || remove.isPending}>
            {t('overview.delete')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
