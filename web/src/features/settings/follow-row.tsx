import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useRefusal } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices } from '@/store/hooks'
import { hasRight } from '@/store/selectors'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { SwitchRow } from '@/ui/switch'

/** Whether a channel in a category has the category's rights or its own. */
export function FollowRow({ channelId }: { channelId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const refused = useRefusal()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  const category = useSelect((state) => state.channels[channel?.parent_id ?? '']?.channel.name)
  const may = useSelect((state) => hasRight(state, channelId, 'manage_channels'))
  const [asking, setAsking] = useState(false)
  const follow = useMutation({
    mutationFn: (synced: boolean) => api.updateChannel(channelId, { synced }),
    onSettled: () => setAsking(false),
    onError: refused,
  })
  if (channel === undefined || category === undefined) return null
  return (
    <>
      <SwitchRow
        label={t('follow.label')}
        help={channel.synced ? t('follow.on', { category }) : t('follow.off', { category })}
        checked={channel.synced}
        disabled={!may || follow.isPending}
        why={may ? undefined : t('roles.locked')}
        onChange={(synced) => (synced ? setAsking(true) : follow.mutate(false))}
      />
      {asking && (
        <Dialog
          title={t('follow.title', { category })}
          text={t('follow.text', { category })}
          onClose={() => setAsking(false)}
        >
          <div className="end mt-0!">
            <Button look="bare" onClick={() => setAsking(false)}>
              {t('cancel')}
            </Button>
            <Button look="danger" disabled={follow.isPending} onClick={() => follow.mutate(true)}>
              {t('follow.action')}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  )
}
