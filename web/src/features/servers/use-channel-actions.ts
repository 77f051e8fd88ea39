import { useNavigate } from '@tanstack/react-router'
import { ArrowDown, ArrowUp, Copy, FolderPlus, PencilLine, Plus, Settings, Trash2 } from 'lucide-react'
import { useRefusal } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import type { Channel } from '@/lib/wire/objects'
import { movedOrder } from '@/store/channel-order'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { hasRight, hasServerRight } from '@/store/selectors'
import type { Action } from '@/ui/context-menu'
import { useCopy } from './use-copy'

/** What one may do with a channel or a category; what one may not is not there. */
export function useChannelActions({ id: channelId, server_id: serverId, kind }: Channel): Action[] {
  const { t } = useT()
  const { api, store } = useServices()
  const show = useStage((stage) => stage.show)
  const navigate = useNavigate()
  const refused = useRefusal()
  const copy = useCopy()
  const manages = useSelect((state) => hasRight(state, channelId, 'manage_channels'))
  const permits = useSelect((state) => hasRight(state, channelId, 'manage_permissions'))
  const orders = useSelect((state) => hasServerRight(state, serverId, 'manage_channels'))
  const first = useSelect((state) => movedOrder(state.channels, channelId, -1) === null)
  const last = useSelect((state) => movedOrder(state.channels, channelId, 1) === null)
  const category = kind === 'category'

  const move = (by: -1 | 1) => {
    // As it stands now: it may have changed since the menu was drawn.
    const order = movedOrder(store.getState().channels, channelId, by)
    if (order !== null) api.reorderChannels(serverId, order).catch(refused)
  }
  const params = { serverId, channelId, section: 'overview' }
  const open = () => void navigate({ to: '/servers/$serverId/channels/$channelId/settings/$section', params })
  const create: Action = {
    id: 'create',
    label: t('create_channel.title'),
    icon: Plus,
    run: () => show({ kind: 'create-channel', serverId, parentId: channelId }),
  }
  const rename: Action = {
    id: 'rename',
    label: t('channel_menu.rename'),
    icon: PencilLine,
    run: () => show({ kind: 'rename-channel', channelId }),
  }
  const settings: Action = {
    id: 'settings',
    label: category ? t('channel_settings.category') : t('channel_settings.title'),
    icon: Settings,
    run: open,
  }
  const moves: Action[] = [
    { id: 'up', label: t('channel_menu.up'), icon: ArrowUp, disabled: first, run: () => move(-1) },
    { id: 'down', label: t('channel_menu.down'), icon: ArrowDown, disabled: last, run: () => move(1) },
  ]
  const remove: Action = {
    id: 'delete',
    label: category ? t('delete_channel.category') : t('delete_channel.action'),
    icon: Trash2,
    danger: true,
    run: () => show({ kind: 'delete-channel', channelId }),
  }
  return [
    ...(manages && category ? [create] : []),
    ...(manages ? [rename] : []),
    ...(manages || permits ? [settings] : []),
    ...(orders ? moves : []),
    {
      id: 'copy',
      label: t(category ? 'channel_menu.copy_category' : 'channel_menu.copy_id'),
      icon: Copy,
      run: () => copy(channelId),
    },
    ...(manages ? [remove] : []),
  ]
}

/** What one may make where no channel is: a channel, or a category to put some in. */
export function useCreateActions(serverId: string): Action[] {
  const { t } = useT()
  const show = useStage((stage) => stage.show)
  const may = useSelect((state) => hasServerRight(state, serverId, 'manage_channels'))
  if (!may) return []
  return [
    {
      id: 'create',
      label: t('create_channel.title'),
      icon: Plus,
      run: () => show({ kind: 'create-channel', serverId }),
    },
    {
      id: 'category',
      label: t('create_category.title'),
      icon: FolderPlus,
      run: () => show({ kind: 'create-category', serverId }),
    },
  ]
}
