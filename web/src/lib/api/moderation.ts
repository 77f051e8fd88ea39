/** What a community does about its members, and the record of it. */
import * as v from 'valibot'
import * as objects from '@/lib/wire/objects'
import { type ApiClient, because, done, read } from './read'

/** How many entries a page of the audit log or of the bans holds at most: a shorter one is the last. */
export const recordsPerPage = 50

const bans = v.object({ bans: v.optional(v.array(objects.ban), []) })
const auditEntries = v.object({ entries: v.optional(v.array(objects.auditEntry), []) })

/** What the audit log is looked through for; "" is all. */
export interface AuditFilter {
  readonly action: string
  readonly actorId: string
}

export function moderationCalls({ GET, PUT, DELETE }: ApiClient) {
  const at = (server_id: string, user_id: string) => ({ path: { server_id, user_id } })
  const page = (before: string) => ({ limit: recordsPerPage, ...(before !== '' && { before }) })
  return {
    setNickname: (server_id: string, user_id: string, nickname: string) =>
      read(
        objects.member,
        PUT('/api/servers/{server_id}/members/{user_id}/nickname', {
          params: at(server_id, user_id),
          body: { nickname },
        }),
      ),
    muteMember: (server_id: string, user_id: string, seconds: number, reason: string) =>
      read(
        objects.member,
        PUT('/api/servers/{server_id}/members/{user_id}/mute', {
          params: at(server_id, user_id),
          body: { seconds, ...because(reason) },
        }),
      ),
    unmuteMember: (server_id: string, user_id: string) =>
      done(DELETE('/api/servers/{server_id}/members/{user_id}/mute', { params: at(server_id, user_id) })),
    kickMember: (server_id: string, user_id: string, reason: string) =>
      done(
        DELETE('/api/servers/{server_id}/members/{user_id}', {
          params: { ...at(server_id, user_id), query: because(reason) },
        }),
      ),
    banUser: (server_id: string, user_id: string, reason: string, purge_seconds: number) =>
      read(
        objects.ban,
        PUT('/api/servers/{server_id}/bans/{user_id}', {
          params: at(server_id, user_id),
          body: { ...because(reason), purge_seconds },
        }),
      ),
    unbanUser: (server_id: string, user_id: string) =>
      done(DELETE('/api/servers/{server_id}/bans/{user_id}', { params: at(server_id, user_id) })),
    bans: (server_id: string, before: string) =>
      read(bans, GET('/api/servers/{server_id}/bans', { params: { path: { server_id }, query: page(before) } })).then(
        (answer) => answer.bans,
      ),
    auditEntries: (server_id: string, { action, actorId }: AuditFilter, before: string) =>
      read(
        auditEntries,
        GET('/api/servers/{server_id}/audit-log', {
          params: {
            path: { server_id },
            query: {
              ...page(before),
              ...(action !== '' && { action }),
              ...(actorId !== '' && { actor_id: actorId }),
            },
          },
        }),
      ).then((answer) => answer.entries),
  }
}
