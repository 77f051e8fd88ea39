/** A server, its channels and its invitations, as those who run it see them. */
import * as v from 'valibot'
import * as objects from '@/lib/wire/objects'
import { type ApiClient, done, read } from './read'

const overwrites = v.object({ overwrites: v.optional(v.array(objects.overwrite), []) })
const invitations = v.object({ invitations: v.optional(v.array(objects.invitation), []) })

/** A channel to make. */
export interface NewChannel {
  readonly name: string
  readonly topic: string
  readonly kind?: 'text' | 'category'
  readonly parentId?: string
  /** Seen only by the one who makes it and by those named. */
  readonly private?: { readonly roleIds: string[]; readonly memberIds: string[] }
}

/** Who is to be let in by name from now on, and who no more. */
export interface AccessChange {
  readonly private?: boolean
  readonly add_role_ids?: string[]
  readonly add_member_ids?: string[]
  readonly remove_role_ids?: string[]
  readonly remove_member_ids?: string[]
}

export function serverCalls({ GET, POST, PATCH, PUT, DELETE }: ApiClient) {
  const server = (server_id: string) => ({ params: { path: { server_id } } })
  const channel = (channel_id: string) => ({ params: { path: { channel_id } } })
  return {
    updateServer: (server_id: string, change: { name?: string; description?: string }) =>
      read(objects.server, PATCH('/api/servers/{server_id}', { ...server(server_id), body: change })),
    deleteServer: (server_id: string, name: string) =>
      done(DELETE('/api/servers/{server_id}', { params: { path: { server_id }, query: { name } } })),
    transferServer: (server_id: string, user_id: string) =>
      read(objects.server, POST('/api/servers/{server_id}/transfer', { ...server(server_id), body: { user_id } })),
    invitations: (server_id: string) =>
      read(invitations, GET('/api/servers/{server_id}/invitations', server(server_id))).then(
        (answer) => answer.invitations,
      ),
    revokeInvitation: (code: string) => done(DELETE('/api/invitations/{code}', { params: { path: { code } } })),

    createChannel: (server_id: string, { name, topic, kind = 'text', parentId, private: few }: NewChannel) =>
      read(
        objects.channel,
        POST('/api/servers/{server_id}/channels', {
          ...server(server_id),
          body: {
            kind,
            name,
            ...(topic !== '' && { topic }),
            ...(parentId !== undefined && { parent_id: parentId }),
            ...(few !== undefined && { private: true, role_ids: few.roleIds, member_ids: few.memberIds }),
          },
        }),
      ),
    updateChannel: (
      channel_id: string,
      change: { name?: string; topic?: string; parent_id?: string; synced?: boolean },
    ) => read(objects.channel, PATCH('/api/channels/{channel_id}', { ...channel(channel_id), body: change })),
    /** Every channel that the user sees, in the order that they are to have. */
    reorderChannels: (server_id: string, channel_ids: string[]) =>
      done(PUT('/api/servers/{server_id}/channel-order', { ...server(server_id), body: { channel_ids } })),
    deleteChannel: (channel_id: string) => done(DELETE('/api/channels/{channel_id}', channel(channel_id))),
    setChannelAccess: (channel_id: string, change: AccessChange) =>
      read(overwrites, PUT('/api/channels/{channel_id}/access', { ...channel(channel_id), body: change })),
    overwrites: (channel_id: string) =>
      read(overwrites, GET('/api/channels/{channel_id}/overwrites', channel(channel_id))).then(
        (answer) => answer.overwrites,
      ),
    setOverwrite: (
      channel_id: string,
      to: { role_id: string } | { member_id: string },
      allow: string[],
      deny: string[],
    ) =>
      read(
        objects.overwrite,
        PUT('/api/channels/{channel_id}/overwrites', { ...channel(channel_id), body: { ...to, allow, deny } }),
      ),
    clearOverwrite: (channel_id: string, overwrite_id: string) =>
      done(
        DELETE('/api/channels/{channel_id}/overwrites/{overwrite_id}', {
          params: { path: { channel_id, overwrite_id } },
        }),
      ),
  }
}
