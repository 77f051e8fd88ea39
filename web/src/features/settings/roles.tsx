import { useMutation } from '@tanstack/react-query'
import { ChevronDown, ChevronUp, Plus } from 'lucide-react'
import { useState } from 'react'
import { useRefusal } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import type { Role } from '@/lib/wire/objects'
import { useSelect, useServices } from '@/store/hooks'
import { mayChangeRole, rolesOf } from '@/store/standing'
import { hexOf } from '@/ui/color'
import { IconButton } from '@/ui/icon-button'
import { RoleEditor } from './role-editor'

/** The roles of a server, highest first, and the one that is being looked at. */
export function Roles({ serverId }: { serverId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const refused = useRefusal()
  const me = useSelect((state) => state.me)
  const servers = useSelect((state) => state.servers)
  const members = useSelect((state) => state.members)
  const [chosen, setChosen] = useState<string | null>(null)
  const roles = rolesOf({ servers }, serverId)
  const may = (role: Role) => mayChangeRole({ me, servers, members }, role)
  const current = roles.find((role) => role.id === chosen) ?? roles.find(may) ?? roles[0]
  const create = useMutation({
    mutationFn: () => api.createRole(serverId, t('roles.new')),
    onSuccess: (role) => setChosen(role.id),
    onError: refused,
  })
  return (
    <div className="two">
      <div>
        <header>
          <h1>{t('server_settings.roles')}</h1>
          <IconButton label={t('roles.create')} disabled={create.isPending} onClick={() => create.mutate()}>
            <Plus aria-hidden />
          </IconButton>
        </header>
        <p className="about">{t('roles.text')}</p>
        <RoleList serverId={serverId} roles={roles} current={current?.id} may={may} onChoose={setChosen} />
      </div>
      <div>{current !== undefined && <RoleEditor key={current.id} role={current} locked={!may(current)} />}</div>
    </div>
  )
}

interface RoleListProps {
  serverId: string
  roles: readonly Role[]
  current: string | undefined
  may(role: Role): boolean
  onChoose(roleId: string): void
}

function RoleList({ serverId, roles, current, may, onChoose }: RoleListProps) {
  const { t } = useT()
  const { api } = useServices()
  const refused = useRefusal()
  // The one of everyone stays last and is not ordered.
  const movable = roles.filter((role) => role.id !== serverId)
  const reorder = useMutation({
    mutationFn: (ids: string[]) => api.reorderRoles(serverId, ids),
    onError: refused,
  })
  const swap = (from: number, to: number) => {
    const ids = movable.map((role) => role.id)
    const [moved = ''] = ids.splice(from, 1)
    ids.splice(to, 0, moved)
    reorder.mutate(ids)
  }
  const mayMove = (from: number, to: number) => {
    const [one, other] = [movable[from], movable[to]]
    return one !== undefined && other !== undefined && may(one) && may(other) && !reorder.isPending
  }
  return (
    <ol>
      {roles.map((role, i) => (
        <li key={role.id} className="flex items-center">
          <button
            type="button"
            className="pick"
            {...(role.id === current && { 'aria-current': 'true' as const })}
            onClick={() => onChoose(role.id)}
          >
            <span
              className="swatch"
              {...(role.color !== 0 && { style: { background: hexOf(role.color) } })}
              aria-hidden
            />
            <span className="truncate">{role.id === serverId ? t('roles.everyone') : role.name}</span>
          </button>
          {may(role) && role.id !== serverId && (
            <>
              <IconButton
                label={t('roles.up', { name: role.name })}
                disabled={!mayMove(i, i - 1)}
                onClick={() => swap(i, i - 1)}
              >
                <ChevronUp className="size-4" aria-hidden />
              </IconButton>
              <IconButton
                label={t('roles.down', { name: role.name })}
                disabled={!mayMove(i, i + 1)}
                onClick={() => swap(i, i + 1)}
              >
                <ChevronDown className="size-4" aria-hidden />
              </IconButton>
            </>
          )}
        </li>
      ))}
    </ol>
  )
}
