/** Roles: made, changed, ordered, given and taken. */
import * as v from 'valibot'
import type { Role } from '@/lib/wire/objects'
import * as objects from '@/lib/wire/objects'
import { type ApiClient, done, read } from './read'

const roles = v.object({ roles: v.optional(v.array(objects.role), []) })

/** What an editor changes of a role. */
export type RoleDraft = Pick<Role, 'name' | 'color' | 'hoist' | 'mentionable' | 'rights'>

export function roleCalls({ POST, PATCH, PUT, DELETE }: ApiClient) {
  const at = (server_id: string, role_id: string) => ({ params: { path: { server_id, role_id } } })
  const of = (server_id: string, user_id: string, role_id: string) => ({
    params: { path: { server_id, user_id, role_id } },
  })
  return {
    createRole: (server_id: string, name: string) =>
      read(objects.role, POST('/api/servers/{server_id}/roles', { params: { path: { server_id } }, body: { name } })),
    updateRole: (server_id: string, role_id: string, { rights, ...rest }: Partial<RoleDraft>) =>
      read(
        objects.role,
        PATCH('/api/servers/{server_id}/roles/{role_id}', {
          ...at(server_id, role_id),
          body: { ...rest, ...(rights !== undefined && { rights: { names: rights } }) },
        }),
      ),
    deleteRole: (server_id: string, role_id: string) =>
      done(DELETE('/api/servers/{server_id}/roles/{role_id}', at(server_id, role_id))),
    /** Every role but that of everyone, highest first. */
    reorderRoles: (server_id: string, role_ids: string[]) =>
      read(roles, PUT('/api/servers/{server_id}/role-order', { params: { path: { server_id } }, body: { role_ids } })),
    assignRole: (server_id: string, user_id: string, role_id: string) =>
      done(
        PUT('/api/servers/{server_id}/members/{user_id}/roles/{role_id}', {
          ...of(server_id, user_id, role_id),
          body: {},
        }),
      ),
    unassignRole: (server_id: string, user_id: string, role_id: string) =>
      done(DELETE('/api/servers/{server_id}/members/{user_id}/roles/{role_id}', of(server_id, user_id, role_id))),
  }
}
