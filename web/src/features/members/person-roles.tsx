import { startTransition, useOptimistic } from 'react'
import { useRefusal } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import type { Role } from '@/lib/wire/objects'
import { useSelect, useServices } from '@/store/hooks'
import { mayAssign, rolesOf } from '@/store/standing'
import { Check } from '@/ui/check'
import { Colored } from '@/ui/colored'

interface PersonRolesProps {
  serverId: string
  userId: string
}

/** The roles of a member: ticked and unticked by who may give them, named for everyone else. */
export function PersonRoles({ serverId, userId }: PersonRolesProps) {
  const { t } = useT()
  const me = useSelect((state) => state.me)
  const servers = useSelect((state) => state.servers)
  const members = useSelect((state) => state.members)
  const member = members[serverId]?.byId[userId]
  if (member === undefined) return null
  const roles = rolesOf({ servers }, serverId).filter((role) => role.id !== serverId)
  const offered = roles.filter(
    (role) => member.role_ids.includes(role.id) || mayAssign({ me, servers, members }, role, userId),
  )
  return (
    <section aria-label={t('member.roles')}>
      <h3 className="lab">{t('member.roles')}</h3>
      {offered.length === 0 && <p className="text-sm text-ink-3">{t('member.no_roles')}</p>}
      <ul>
        {offered.map((role) => (
          <li key={role.id}>
            <RoleTick
              role={role}
              userId={userId}
              has={member.role_ids.includes(role.id)}
              may={mayAssign({ me, servers, members }, role, userId)}
            />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface RoleTickProps {
  role: Role
  userId: string
  has: boolean
  may: boolean
}

function RoleTick({ role, userId, has, may }: RoleTickProps) {
  const { api } = useServices()
  const refused = useRefusal()
  const [shown, show] = useOptimistic(has)
  const flip = (wanted: boolean) =>
    startTransition(async () => {
      show(wanted)
      const change = wanted ? api.assignRole : api.unassignRole
      await change(role.server_id, userId, role.id).catch(refused)
    })
  const name = <Colored color={role.color}>{role.name}</Colored>
  if (!may) return <span className="fixed-role">{name}</span>
  return (
    <Check checked={shown} onChange={flip}>
      {name}
    </Check>
  )
}
