import { Gavel, type LucideIcon, Mic, MicOff, PencilLine, UserMinus } from 'lucide-react'
import { useRefusal } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices, useStage } from '@/store/hooks'
import type { Dialog } from '@/store/stage'
import { mayActOn, mayBan, mayRename } from '@/store/standing'

interface PersonActionsProps {
  serverId: string
  userId: string
  name: string
}

/** What one may do about someone; what one may not is not there. */
export function PersonActions({ serverId, userId, name }: PersonActionsProps) {
  const { t } = useT()
  const { api, stage } = useServices()
  const refused = useRefusal()
  const renames = useSelect((state) => mayRename(state, serverId, userId))
  const moderates = useSelect((state) => mayActOn(state, serverId, userId, 'manage_members'))
  const bans = useSelect((state) => mayBan(state, serverId, userId))
  const muted = useSelect((state) => state.members[serverId]?.byId[userId]?.muted_until ?? null) !== null
  const unmute = () => {
    api.unmuteMember(serverId, userId).then(() => stage.getState().toast(t('member.unmuted', { name })), refused)
    stage.getState().hideCard()
  }
  if (!renames && !moderates && !bans) return null
  const about = { serverId, userId }
  return (
    <section className="acts" aria-label={t('member.actions')}>
      {renames && <Act icon={PencilLine} label={t('member.nickname')} dialog={{ kind: 'nickname', ...about }} />}
      {moderates && muted && (
        <button type="button" onClick={unmute}>
          <Mic className="size-4" aria-hidden />
          {t('member.unmute')}
        </button>
      )}
      {moderates && (
        <>
          {!muted && <Act icon={MicOff} label={t('member.mute')} dialog={{ kind: 'mute-member', ...about }} />}
          <Act icon={UserMinus} label={t('member.kick')} dialog={{ kind: 'kick-member', ...about }} danger />
        </>
      )}
      {bans && <Act icon={Gavel} label={t('member.ban')} dialog={{ kind: 'ban-member', ...about }} danger />}
    </section>
  )
}

interface ActProps {
  icon: LucideIcon
  label: string
  dialog: Dialog
  danger?: boolean
}

function Act({ icon: Icon, label, dialog, danger = false }: ActProps) {
  const show = useStage((stage) => stage.show)
  return (
    <button type="button" {...(danger && { 'data-look': 'danger' })} onClick={() => show(dialog)}>
      <Icon className="size-4" aria-hidden />
      {label}
    </button>
  )
}
