import { useT } from '@/i18n/use-t'
import { useServices } from '@/store/hooks'

/** Puts a text on the clipboard and says so. */
export function useCopy(): (text: string) => void {
  const { t } = useT()
  const { stage } = useServices()
  return (text) =>
    void navigator.clipboard.writeText(text).then(
      () => stage.getState().toast(t('copied')),
      () => stage.getState().toast(t('dialog.failed'), 'danger'),
    )
}
