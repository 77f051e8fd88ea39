import { useId } from 'react'
import { type MessageId, type T, useT } from '@/i18n/use-t'
import { type ChannelRight, channelRights } from '@/lib/rights'
import { useSelect } from '@/store/hooks'
import {
  type Effect,
  effectOf,
  keyOf,
  type Mask,
  type Masks,
  mayOverwrite,
  NO_MASK,
  stanceOf,
  type Target,
  withStance,
} from '@/store/overwrites'
import { ThreeState } from '@/ui/three-state'
import { useTargetName } from './target-name'

const NOTHING: readonly string[] = []
/** Rights of conferences: a text channel has no use for them. */
const VOICE: readonly string[] = ['connect', 'speak']

interface OverwriteGridProps {
  channelId: string
  target: Target
  /** All of the channel's, as they are to be. */
  masks: Masks
  onChange(mask: Mask): void
}

/** What a channel allows and denies one role or member, right by right, with what comes of it. */
export function OverwriteGrid({ channelId, target, masks, onChange }: OverwriteGridProps) {
  const { t } = useT()
  const channel = useSelect((state) => state.channels[channelId]?.channel)
  const held = useSelect((state) => state.channels[channelId]?.rights ?? NOTHING)
  const servers = useSelect((state) => state.servers)
  const members = useSelect((state) => state.members)
  const serverId = channel?.server_id ?? ''
  const below = useSelect((state) => mayOverwrite(state, serverId, target))
  const name = useTargetName(serverId)
  if (channel === undefined) return null
  const mask = masks[keyOf(target)] ?? NO_MASK
  const rights = channelRights.filter((right) => channel.kind !== 'text' || !VOICE.includes(right))
  const lockedBy = (right: string): string | null => {
    if (channel.synced) return t('overwrite.follows')
    if (!below) return t('picker.above')
    return held.includes(right) ? null : t('roles.locked')
  }
  return (
    <>
      <header className="mt-4 flex items-baseline justify-between gap-3">
        <h2 className="m-0! text-lg!">{name(target)}</h2>
        <span className="tri-head" aria-hidden>
          <span>{t('stance.deny')}</span>
          <span>{t('stance.inherit')}</span>
          <span>{t('stance.allow')}</span>
        </span>
      </header>
      {rights.map((right) => (
        <RightRow
          key={right}
          right={right}
          mask={mask}
          effect={says(t, effectOf({ servers, members }, serverId, masks, target, right), (id) =>
            name({ kind: 'role', id }),
          )}
          lockedBy={lockedBy(right)}
          onChange={onChange}
        />
      ))}
    </>
  )
}

interface RightRowProps {
  right: ChannelRight
  mask: Mask
  /** What comes of all that is said about it. */
  effect: string
  /** Why it cannot be changed. */
  lockedBy: string | null
  onChange(mask: Mask): void
}

function RightRow({ right, mask, effect, lockedBy, onChange }: RightRowProps) {
  const { t } = useT()
  const id = useId()
  return (
    <div className="perm">
      <div>
        <b>{t(`channel_right.${right}`)}</b>
        <small>{t(`channel_right.${right}_help`)}</small>
      </div>
      <span id={id} className="why">
        {effect}
        {lockedBy !== null && <span className="sr-only">. {lockedBy}</span>}
      </span>
      <span {...(lockedBy !== null && { title: lockedBy })}>
        <ThreeState
          label={t(`channel_right.${right}`)}
          words={{ deny: t('stance.deny'), inherit: t('stance.inherit'), allow: t('stance.allow') }}
          value={stanceOf(mask, right)}
          disabled={lockedBy !== null}
          describedBy={id}
          onChange={(stance) => onChange(withStance(mask, right, stance))}
        />
      </span>
    </div>
  )
}

/** Why someone may or may not, in a few words. */
function says(t: T, effect: Effect, roleName: (id: string) => string): string {
  switch (effect.by) {
    case 'needs':
      return t('effect.needs', { right: t(`channel_right.${effect.right}` as MessageId) })
    case 'role':
      return t('effect.role', { role: roleName(effect.roleId) })
    case 'role-here':
      return t(effect.allowed ? 'effect.allowed_role_here' : 'effect.denied_role_here', {
        role: roleName(effect.roleId),
      })
    case 'here':
      return t(effect.allowed ? 'effect.allowed_here' : 'effect.denied_here')
    default:
      return t(`effect.${effect.by}`)
  }
}
