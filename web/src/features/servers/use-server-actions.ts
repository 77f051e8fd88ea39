import { useNavigate } from '@tanstack/react-router'
import { Copy, DoorOpen, Settings, UserPlus } from 'lucide-react'
import { useT } from '@/i18n/use-t'
import { useSelect, useStage } from '@/store/hooks'
import { hasServerRight } from '@/store/selectors'
import type { Action } from '@/ui/context-menu'
import { useCreateActions } from './use-channel-actions'
import { useCopy } from './use-copy'

/** One of these opens a part of the settings that the menu does not already hold. */
const SETTINGS = ['manage_server', 'manage_roles', 'manage_members', 'manage_nicknames']

/** What one may do with a server; what one may not is not there. */
export function useServerActions(serverId: string): Action[] {
  const { t } = useT()
  const show = useStage((stage) => stage.show)
  const navigate = useNavigate()
  const copy = useCopy()
  const create = useCreateActions(serverId)
  const mayInvite = useSelect((state) => hasServerRight(state, serverId, 'manage_invitations'))
  const maySet = useSelect((state) => SETTINGS.some((right) => hasServerRight(state, serverId, right)))
  // The owner hands the server over or deletes it, which the settings hold.
  const owns = useSelect((state) => state.servers[serverId]?.server.owner_id === state.me?.id)
  const open = () =>
    void navigate({ to: '/servers/$serverId/settings/$section', params: { serverId, section: 'overview' } })
  const invite: Action = {
    id: 'invite',
    label: t('invite.title'),
    icon: UserPlus,
    run: () => show({ kind: 'invite', serverId }),
  }
  const leave: Action = {
    id: 'leave',
    label: t('leave_server.action'),
    icon: DoorOpen,
    danger: true,
    run: () => show({ kind: 'leave-server', serverId }),
  }
  return [
    ...(mayInvite ? [invite] : []),
    ...create,
    ...(maySet ? [{ id: 'settings', label: t('server_settings.title'), icon: Settings, run: open }] : []),
    { id: 'copy', label: t('server_menu.copy_id'), icon: Copy, run: () => copy(serverId) },
    ...(owns ? [] : [leave]),
  ]
}
