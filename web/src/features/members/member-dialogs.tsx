import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices } from '@/store/hooks'
import { nameIn, nameOf } from '@/store/selectors'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { Segmented } from '@/ui/segmented'
import { ReasonDialog } from './reason-dialog'

interface MemberDialogProps {
  serverId: string
  userId: string
  onClose(): void
}

/** The name by which one speaks of someone: fixed while the question stands, since the person may go meanwhile. */
function useName(serverId: string, userId: string): string {
  const { t } = useT()
  const { store } = useServices()
  const [name] = useState(() => nameIn(store.getState(), serverId, userId))
  return name || t('user.unknown')
}

export function KickDialog({ serverId, userId, onClose }: MemberDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const name = useName(serverId, userId)
  return (
    <ReasonDialog
      title={t('member.kick_title', { name })}
      text={t('member.kick_text', { name })}
      action={t('member.kick')}
      look="danger"
      said={t('member.kicked', { name })}
      act={(reason) => api.kickMember(serverId, userId, reason)}
      onClose={onClose}
    />
  )
}

const purges = ['0', '3600', '86400', '604800'] as const
type Purge = (typeof purges)[number]

export function BanDialog({ serverId, userId, onClose }: MemberDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const name = useName(serverId, userId)
  const [purge, setPurge] = useState<Purge>('0')
  return (
    <ReasonDialog
      title={t('member.ban_title', { name })}
      text={t('member.ban_text', { name })}
      action={t('member.ban')}
      look="danger"
      said={t('member.banned', { name })}
      act={(reason) => api.banUser(serverId, userId, reason, Number(purge))}
      onClose={onClose}
    >
      <div>
        <p className="mb-2 text-sm font-medium">{t('member.purge')}</p>
        <Segmented<Purge>
          label={t('member.purge')}
          value={purge}
          options={purges.map((value) => ({ value, label: t(`member.purge.${value}`) }))}
          onChange={setPurge}
        />
      </div>
    </ReasonDialog>
  )
}

const lengths = ['300', '3600', '86400', '604800'] as const
type Length = (typeof lengths)[number]

export function MuteDialog({ serverId, userId, onClose }: MemberDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const name = useName(serverId, userId)
  const [length, setLength] = useState<Length>('3600')
  return (
    <ReasonDialog
      title={t('member.mute_title', { name })}
      text={t('member.mute_text', { name })}
      action={t('member.mute')}
      look="accent"
      said={`${name}, ${t('member.muted')}`}
      act={(reason) => api.muteMember(serverId, userId, Number(length), reason)}
      onClose={onClose}
    >
      <div>
        <p className="mb-2 text-sm font-medium">{t('member.mute_for')}</p>
        <Segmented<Length>
          label={t('member.mute_for')}
          value={length}
          options={lengths.map((value) => ({ value, label: t(`member.mute.${value}`) }))}
          onChange={setLength}
        />
      </div>
    </ReasonDialog>
  )
}

export function NicknameDialog({ serverId, userId, onClose }: MemberDialogProps) {
  const { t } = useT()
  const { api } = useServices()
  const sentence = useSentence()
  const own = useSelect((state) => nameOf(state, userId))
  const before = useSelect((state) => state.members[serverId]?.byId[userId]?.nickname ?? '')
  const [nickname, setNickname] = useState(before)
  const save = useMutation({
    mutationFn: () => api.setNickname(serverId, userId, nickname.trim()),
    onSuccess: onClose,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <Dialog title={t('member.nickname_title')} onClose={onClose}>
      <form onSubmit={submit} className="mt-4">
        <Field
          label={t('member.nickname_label')}
          hint={t('member.nickname_hint', { name: own })}
          placeholder={own}
          value={nickname}
          maxLength={32}
          autoComplete="off"
          error={save.error === null ? null : sentence(save.error)}
          onChange={(event) => setNickname(event.target.value)}
        />
        <div className="end">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="accent" type="submit" disabled={save.isPending}>
            {t('save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
