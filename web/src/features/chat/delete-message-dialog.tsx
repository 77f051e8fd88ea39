import { useT } from '@/i18n/use-t'
import { useEngine, useSelect } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Markdown } from './markdown'

interface DeleteMessageDialogProps {
  channelId: string
  messageId: string
  onClose(): void
}

/** Asks once before a message goes. */
export function DeleteMessageDialog({ channelId, messageId, onClose }: DeleteMessageDialogProps) {
  const { t } = useT()
  const engine = useEngine()
  const content = useSelect((state) => state.windows[channelId]?.states.get(messageId)?.content ?? '')
  const remove = () => {
    engine.remove(channelId, messageId)
    onClose()
  }
  return (
    <Dialog title={t('delete_message.title')} text={t('delete_message.text')} onClose={onClose}>
      <div className="txt max-h-40 overflow-y-auto rounded-md bg-fill-1 px-3 py-2">
        <Markdown text={content} />
      </div>
      <div className="end">
        <Button look="bare" onClick={onClose}>
          {t('keep')}
        </Button>
        <Button look="danger" onClick={remove}>
          {t('message.delete')}
        </Button>
      </div>
    </Dialog>
  )
}
