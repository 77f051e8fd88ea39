import { useMutation } from '@tanstack/react-query'
import { Hash, Plus } from 'lucide-react'
import { useState } from 'react'
import { useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { keyOf, type Mask, type Masks, NO_MASK, sameMask, targetOf } from '@/store/overwrites'
import { rolesOf } from '@/store/standing'
import { IconButton } from '@/ui/icon-button'
import { FollowRow } from './follow-row'
import { Listing } from './listing'
import { OverwriteGrid } from './overwrite-grid'
import { SaveBar } from './save-bar'
import { TargetName } from './target-name'
import { TargetPicker } from './target-picker'
import { useOverwrites } from './use-overwrites'

/** Who may do what in a channel beside what their roles say: the roles and members, and the one looked at. */
export function ChannelPermissions({ channelId }: { channelId: string }) {
  const { t } = useT()
  const toast = useStage((stage) => stage.toast)
  const sentence = useSentence()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  const overwrites = useOverwrites(channelId)
  const serverId = channel?.server_id ?? ''
  const everyone = `role ${serverId}`
  const [chosen, setChosen] = useState(everyone)
  // By target, what it is to be; equal to what it is where nothing is left to save.
  const [drafts, setDrafts] = useState<Masks>({})
  const [picking, setPicking] = useState(false)
  const masks = { ...overwrites.masks, ...drafts }
  const changed = Object.keys(drafts).filter(
    (key) => !sameMask(drafts[key] ?? NO_MASK, overwrites.masks[key] ?? NO_MASK),
  )
  const tell = useTell(channelId, overwrites.list)
  const save = useMutation({
    mutationFn: async () => {
      for (const key of changed) await tell(key, drafts[key] ?? NO_MASK)
    },
    // Of several some may have been told before one was refused: what is left to save shows again.
    onSettled: () => overwrites.again(),
    onSuccess: () => {
      setDrafts({})
      toast(t('overview.saved'))
    },
  })
  if (channel === undefined) return null
  return (
    <div className="two">
      <div>
        <header>
          <h1 className="flex min-w-0 items-center gap-2">
            {channel.kind !== 'category' && <Hash className="size-5 flex-none" aria-hidden />}
            <span className="truncate">{channel.name}</span>
          </h1>
          <IconButton label={t('picker.title')} disabled={channel.synced} onClick={() => setPicking(true)}>
            <Plus aria-hidden />
          </IconButton>
        </header>
        <Targets serverId={serverId} masks={masks} chosen={chosen} onChoose={setChosen} />
      </div>
      <div className="pane">
        <FollowRow channelId={channelId} />
        <Listing
          loading={overwrites.loading}
          error={overwrites.error}
          none=""
          empty={overwrites.error !== null}
          more={null}
          onAgain={() => void overwrites.again()}
        >
          {null}
        </Listing>
        {!overwrites.loading && overwrites.error === null && (
          <OverwriteGrid
            key={chosen}
            channelId={channelId}
            target={targetOf(chosen)}
            masks={masks}
            onChange={(mask) => setDrafts({ ...drafts, [chosen]: mask })}
          />
        )}
        {changed.length > 0 && (
          <SaveBar
            busy={save.isPending}
            error={save.error === null ? null : sentence(save.error)}
            onUndo={() => setDrafts({})}
            onSave={() => save.mutate()}
          />
        )}
      </div>
      {picking && (
        <TargetPicker
          serverId={serverId}
          without={[everyone, ...Object.keys(masks)]}
          onPick={(targets) => {
            const added = targets.map((target) => [keyOf(target), NO_MASK] as const)
            setDrafts({ ...drafts, ...Object.fromEntries(added) })
            setChosen(added[0]?.[0] ?? chosen)
            setPicking(false)
          }}
          onClose={() => setPicking(false)}
        />
      )}
    </div>
  )
}

/** Tells the server what one target is to have: an overwrite that says nothing is none. */
function useTell(channelId: string, list: ReturnType<typeof useOverwrites>['list']) {
  const { api } = useServices()
  return async (key: string, { allow, deny }: Mask): Promise<void> => {
    const { kind, id } = targetOf(key)
    const to = kind === 'role' ? { role_id: id } : { member_id: id }
    const known = list.find((one) => (kind === 'role' ? one.role_id === id : one.member_id === id))
    if (allow.length + deny.length > 0) await api.setOverwrite(channelId, to, [...allow], [...deny])
    else if (known !== undefined) await api.clearOverwrite(channelId, known.id)
  }
}

interface TargetsProps {
  serverId: string
  masks: Masks
  chosen: string
  onChoose(key: string): void
}

/** Everyone always, and whoever the channel says something of. */
function Targets({ serverId, masks, chosen, onChoose }: TargetsProps) {
  const { t } = useT()
  const servers = useSelect((state) => state.servers)
  const roles = rolesOf({ servers }, serverId)
    .map((role) => `role ${role.id}`)
    .filter((key) => key === `role ${serverId}` || masks[key] !== undefined)
  const members = Object.keys(masks).filter((key) => targetOf(key).kind === 'member')
  const groups = [
    { id: 'roles', label: t('member.roles'), keys: roles },
    { id: 'members', label: t('members.label'), keys: members },
  ].filter(({ keys }) => keys.length > 0)
  return groups.map(({ id, label, keys }) => (
    <section key={id} aria-label={label}>
      <h2 className="lab px-3! pt-4! pb-1!">{label}</h2>
      <ul>
        {keys.map((key) => {
          const count = (masks[key]?.allow.length ?? 0) + (masks[key]?.deny.length ?? 0)
          return (
            <li key={key}>
              <button
                type="button"
                className="pick w-full"
                {...(key === chosen && { 'aria-current': 'true' as const })}
                onClick={() => onChoose(key)}
              >
                <TargetName serverId={serverId} target={targetOf(key)} />
                {count > 0 && <span className="ml-auto text-ink-3 tabular-nums">{count}</span>}
              </button>
            </li>
          )
        })}
      </ul>
    </section>
  ))
}
