import { useT } from '@/i18n/use-t'
import { useSelect } from '@/store/hooks'
import type { Target } from '@/store/overwrites'
import { nameIn } from '@/store/selectors'
import { Avatar } from '@/ui/avatar'
import { hexOf } from '@/ui/color'

/** What to call a role or a member of a server. */
export function useTargetName(serverId: string): (target: Target) => string {
  const { t } = useT()
  const servers = useSelect((state) => state.servers)
  const members = useSelect((state) => state.members)
  const users = useSelect((state) => state.users)
  return ({ kind, id }) => {
    if (kind === 'member') return nameIn({ members, users }, serverId, id) || t('user.unknown')
    return id === serverId ? t('roles.everyone') : (servers[serverId]?.roles[id]?.name ?? t('target.gone'))
  }
}

interface TargetNameProps {
  serverId: string
  target: Target
}

/** A role with its color, or a member with their picture. */
export function TargetName({ serverId, target }: TargetNameProps) {
  const name = useTargetName(serverId)(target)
  const color = useSelect((state) => state.servers[serverId]?.roles[target.id]?.color ?? 0)
  return (
    <>
      {target.kind === 'member' ? (
        <Avatar id={target.id} name={name} size={20} />
      ) : (
        <span className="swatch" {...(color !== 0 && { style: { background: hexOf(color) } })} aria-hidden />
      )}
      <span className="truncate">{name}</span>
    </>
  )
}
