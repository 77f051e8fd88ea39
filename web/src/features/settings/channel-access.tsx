import { useMutation } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { useState } from 'react'
import { useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import type { AccessChange } from '@/lib/api/servers'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { keyOf, mayOverwrite, stanceOf, type Target, targetOf } from '@/store/overwrites'
import { hasRight } from '@/store/selectors'
import { Button } from '@/ui/button'
import { IconButton } from '@/ui/icon-button'
import { SwitchRow } from '@/ui/switch'
import { FollowRow } from './follow-row'
import { Pane } from './frame'
import { Listing } from './listing'
import { SaveBar } from './save-bar'
import { TargetName, useTargetName } from './target-name'
import { TargetPicker } from './target-picker'
import { useOverwrites } from './use-overwrites'

/** What was changed and not told yet: whether only some are let in, and who of them came and went. */
interface Draft {
  few?: boolean
  add: readonly string[]
  remove: readonly string[]
}

const UNCHANGED: Draft = { add: [], remove: [] }

/** Whom a channel is for: everyone, or some roles and members, told in one action. */
export function ChannelAccess({ channelId }: { channelId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const toast = useStage((stage) => stage.toast)
  const sentence = useSentence()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  const sees = useSelect((state) => hasRight(state, channelId, 'view_channels'))
  const overwrites = useOverwrites(channelId)
  const [draft, setDraft] = useState(UNCHANGED)
  const [picking, setPicking] = useState(false)
  const serverId = channel?.server_id ?? ''
  const everyone = `role ${serverId}`
  const few = stanceOf(overwrites.masks[everyone], 'view_channels') === 'deny'
  const named = Object.keys(overwrites.masks).filter(
    (key) => key !== everyone && stanceOf(overwrites.masks[key], 'view_channels') === 'allow',
  )
  const shown = [...named.filter((key) => !draft.remove.includes(key)), ...draft.add]
  const locked = channel?.synced === true || !sees
  const save = useMutation({
    mutationFn: () => api.setChannelAccess(channelId, changeOf(draft)),
    onSuccess: async () => {
      await overwrites.again()
      setDraft(UNCHANGED)
      toast(t('overview.saved'))
    },
  })
  const add = (targets: readonly Target[]) => {
    const keys = targets.map(keyOf)
    setDraft({
      ...draft,
      add: [...draft.add, ...keys.filter((key) => !named.includes(key))],
      remove: draft.remove.filter((key) => !keys.includes(key)),
    })
    setPicking(false)
  }
  const drop = (key: string) =>
    setDraft(
      draft.add.includes(key)
        ? { ...draft, add: draft.add.filter((one) => one !== key) }
        : { ...draft, remove: [...draft.remove, key] },
    )
  const changed = (draft.few ?? few) !== few || draft.add.length > 0 || draft.remove.length > 0
  if (channel === undefined) return null
  return (
    <Pane title={t('access.title')}>
      <FollowRow channelId={channelId} />
      <SwitchRow
        label={t('access.private')}
        help={t('access.private_help')}
        checked={draft.few ?? few}
        disabled={locked}
        why={sees ? undefined : t('roles.locked')}
        onChange={(wanted) => setDraft({ ...draft, few: wanted })}
      />
      <header className="mt-6 flex items-center justify-between">
        <h2 className="m-0!">{t('access.named')}</h2>
        <Button look="outline" size="small" disabled={locked} onClick={() => setPicking(true)}>
          {t('picker.title')}
        </Button>
      </header>
      <Listing
        loading={overwrites.loading}
        error={overwrites.error}
        none={t('access.none')}
        empty={shown.length === 0}
        more={null}
        onAgain={() => void overwrites.again()}
      >
        {shown.map((key) => (
          <NamedRow key={key} serverId={serverId} target={targetOf(key)} locked={locked} onDrop={() => drop(key)} />
        ))}
      </Listing>
      {changed && (
        <SaveBar
          busy={save.isPending}
          error={save.error === null ? null : sentence(save.error)}
          onUndo={() => setDraft(UNCHANGED)}
          onSave={() => save.mutate()}
        />
      )}
      {picking && (
        <TargetPicker
          serverId={serverId}
          without={[...shown, everyone]}
          onPick={add}
          onClose={() => setPicking(false)}
        />
      )}
    </Pane>
  )
}

interface NamedRowProps {
  serverId: string
  target: Target
  locked: boolean
  onDrop(): void
}

/** Someone who is let in by name. */
function NamedRow({ serverId, target, locked, onDrop }: NamedRowProps) {
  const { t } = useT()
  const name = useTargetName(serverId)(target)
  const may = useSelect((state) => mayOverwrite(state, serverId, target))
  return (
    <li>
      <TargetName serverId={serverId} target={target} />
      <span className="flex-1" />
      {!may && <small>{t('picker.above')}</small>}
      <IconButton label={t('access.remove', { name })} disabled={locked || !may} onClick={onDrop}>
        <X className="size-4" aria-hidden />
      </IconButton>
    </li>
  )
}

/** The one action that makes all of it so. */
function changeOf({ few, add, remove }: Draft): AccessChange {
  const ids = (kind: Target['kind'], keys: readonly string[]) =>
    keys
      .map(targetOf)
      .filter((target) => target.kind === kind)
      .map(({ id }) => id)
  return {
    ...(few !== undefined && { private: few }),
    add_role_ids: ids('role', add),
    add_member_ids: ids('member', add),
    remove_role_ids: ids('role', remove),
    remove_member_ids: ids('member', remove),
  }
}
