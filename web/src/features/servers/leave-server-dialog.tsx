import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'

interface LeaveServerDialogProps {
  serverId: string
  onClose(): void
}

/** Asks once before leaving: coming back takes an invitation. */
export function LeaveServerDialog({ serverId, onClose }: LeaveServerDialogProps) {
  const { t } = useT()
  const { api, stage } = useServices()
  const navigate = useNavigate()
  const name = useSelect((state) => state.servers[serverId]?.server.name ?? '')
  const leave = useMutation({
    mutationFn: () => api.leaveServer(serverId),
    onSuccess: () => {
      onClose()
      void navigate({ to: '/' })
    },
    onError: () => stage.getState().toast(t('dialog.failed'), 'danger'),
  })
  return (
    <Dialog title={t('leave_server.title', { name })} text={t('leave_server.text')} onClose={onClose}>
      <div className="end mt-0!">
        <Button look="bare" onClick={onClose}>
          {t('leave_server.stay')}
        </Button>
        <Button look="danger" disabled={leave.isPending} onClick={() => leave.mutate()}>
          {t('leave_server.action')}
        </Button>
      </div>
    </Dialog>
  )
}
