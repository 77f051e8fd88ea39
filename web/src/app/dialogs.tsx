import { lazy, Suspense } from 'react'
import { DeleteMessageDialog } from '@/features/chat/delete-message-dialog'
import { InviteDialog } from '@/features/invites/invite-dialog'
import { UseInvitationDialog } from '@/features/invites/use-invitation-dialog'
import { CreateCategoryDialog, CreateChannelDialog } from '@/features/servers/create-channel-dialog'
import { CreateServerDialog } from '@/features/servers/create-server-dialog'
import { LeaveServerDialog } from '@/features/servers/leave-server-dialog'
import { useStage } from '@/store/hooks'

// What few open and nobody at once comes when it is asked for.
const members = () => import('@/features/members/member-dialogs')
const NicknameDialog = lazy(() => members().then((file) => ({ default: file.NicknameDialog })))
const MuteDialog = lazy(() => members().then((file) => ({ default: file.MuteDialog })))
const KickDialog = lazy(() => members().then((file) => ({ default: file.KickDialog })))
const BanDialog = lazy(() => members().then((file) => ({ default: file.BanDialog })))
const channels = () => import('@/features/servers/channel-dialogs')
const RenameChannelDialog = lazy(() => channels().then((file) => ({ default: file.RenameChannelDialog })))
const DeleteChannelDialog = lazy(() => channels().then((file) => ({ default: file.DeleteChannelDialog })))
const PersonCard = lazy(() => import('@/features/members/person-card').then((file) => ({ default: file.PersonCard })))

/** What floats above the screen: a dialog, or someone's card. */
export function Dialogs() {
  const card = useStage((stage) => stage.card)
  return (
    <Suspense fallback={null}>
      <OpenDialog />
      {card !== null && <PersonCard card={card} />}
    </Suspense>
  )
}

function OpenDialog() {
  const dialog = useStage((stage) => stage.dialog)
  const hide = useStage((stage) => stage.hide)
  switch (dialog?.kind) {
    case undefined:
      return null
    case 'create-server':
      return <CreateServerDialog onClose={hide} />
    case 'use-invitation':
      return <UseInvitationDialog onClose={hide} />
    case 'create-channel':
      return (
        <CreateChannelDialog
          serverId={dialog.serverId}
          {...(dialog.parentId !== undefined && { parentId: dialog.parentId })}
          onClose={hide}
        />
      )
    case 'create-category':
      return <CreateCategoryDialog serverId={dialog.serverId} onClose={hide} />
    case 'rename-channel':
      return <RenameChannelDialog channelId={dialog.channelId} onClose={hide} />
    case 'delete-channel':
      return <DeleteChannelDialog channelId={dialog.channelId} onClose={hide} />
    case 'invite':
      return <InviteDialog serverId={dialog.serverId} onClose={hide} />
    case 'leave-server':
      return <LeaveServerDialog serverId={dialog.serverId} onClose={hide} />
    case 'delete-message':
      return <DeleteMessageDialog channelId={dialog.channelId} messageId={dialog.messageId} onClose={hide} />
    case 'nickname':
      return <NicknameDialog serverId={dialog.serverId} userId={dialog.userId} onClose={hide} />
    case 'mute-member':
      return <MuteDialog serverId={dialog.serverId} userId={dialog.userId} onClose={hide} />
    case 'kick-member':
      return <KickDialog serverId={dialog.serverId} userId={dialog.userId} onClose={hide} />
    case 'ban-member':
      return <BanDialog serverId={dialog.serverId} userId={dialog.userId} onClose={hide} />
  }
}
