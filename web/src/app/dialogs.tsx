import { DeleteMessageDialog } from '@/features/chat/delete-message-dialog'
import { InviteDialog } from '@/features/invites/invite-dialog'
import { UseInvitationDialog } from '@/features/invites/use-invitation-dialog'
import { CreateChannelDialog } from '@/features/servers/create-channel-dialog'
import { CreateServerDialog } from '@/features/servers/create-server-dialog'
import { LeaveServerDialog } from '@/features/servers/leave-server-dialog'
import { useStage } from '@/store/hooks'

/** The dialog that is open, if any. */
export function Dialogs() {
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
      return <CreateChannelDialog serverId={dialog.serverId} onClose={hide} />
    case 'invite':
      return <InviteDialog serverId={dialog.serverId} onClose={hide} />
    case 'leave-server':
      return <LeaveServerDialog serverId={dialog.serverId} onClose={hide} />
    case 'delete-message':
      return <DeleteMessageDialog channelId={dialog.channelId} messageId={dialog.messageId} onClose={hide} />
  }
}
