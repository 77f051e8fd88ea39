/**
 * The REST API as functions. Paths, parameters and bodies are checked against the description that the server
 * is made from (schema.gen.ts); answers are parsed, not cast; every refusal is a Problem.
 */
import createClient from 'openapi-fetch'
import * as v from 'valibot'
import * as objects from '@/lib/wire/objects'
import { moderationCalls } from './moderation'
import { asProblem, problemOf } from './problem'
import { done, read } from './read'
import { roleCalls } from './roles'
import type { paths } from './schema.gen'
import { serverCalls } from './servers'

export interface ApiDeps {
  /** Where the API is: our own origin. */
  origin: string
  /** An access token; fresh asks for another than the one that was refused. Null when signed out. */
  token(fresh: boolean): Promise<string | null>
  fetch(request: Request): Promise<Response>
}

/** Where in a channel's history a page lies; nothing is the newest. */
export type PageAt = { before?: string; after?: string; around?: string }

export type Api = ReturnType<typeof createApi>

const PAGE_SIZE = 50
/** A change on its way goes on when the page is closed or reloaded. */
const survives = { keepalive: true } as const
/** How many members a page holds at most: a shorter one is the last. */
export const membersPerPage = 100

const users = v.object({ users: v.optional(v.array(objects.profile), []) })
const members = v.object({ members: v.optional(v.array(objects.member), []) })
const limits = v.object({ message_length: v.number() })

/** Makes the API over one way to get tokens. */
export function createApi(deps: ApiDeps) {
  const client = createClient<paths>({
    baseUrl: deps.origin,
    fetch: (request) => answered(deps, request),
  })
  const { GET, POST, PATCH, DELETE } = client
  const message = (channel_id: string, message_id: string) => ({ channel_id, message_id })

  return {
    ...roleCalls(client),
    ...moderationCalls(client),
    ...serverCalls(client),
    limits: () => read(limits, GET('/api/limits')),
    users: (ids: readonly string[]) =>
      read(users, GET('/api/users', { params: { query: { ids: [...ids] } } })).then((answer) => answer.users),

    createServer: (name: string) => read(objects.server, POST('/api/servers', { body: { name } })),
    leaveServer: (server_id: string) =>
      done(DELETE('/api/users/@me/servers/{server_id}', { params: { path: { server_id } } })),
    members: (server_id: string, after: string) =>
      read(
        members,
        GET('/api/servers/{server_id}/members', {
          params: { path: { server_id }, query: { limit: membersPerPage, ...(after !== '' && { after }) } },
        }),
      ).then((answer) => answer.members),

    createInvitation: (server_id: string, expires_in: number) =>
      read(
        objects.invitation,
        POST('/api/servers/{server_id}/invitations', { params: { path: { server_id } }, body: { expires_in } }),
      ),
    invitation: (code: string) => read(objects.preview, GET('/api/invitations/{code}', { params: { path: { code } } })),
    acceptInvitation: (code: string) =>
      read(objects.server, POST('/api/invitations/{code}/accept', { params: { path: { code } } })),

    messages: (channel_id: string, where: PageAt) =>
      read(
        objects.page,
        GET('/api/channels/{channel_id}/messages', {
          params: { path: { channel_id }, query: { ...where, limit: PAGE_SIZE } },
        }),
      ),
    sendMessage: (channel_id: string, content: string, nonce: string) =>
      read(
        objects.message,
        POST('/api/channels/{channel_id}/messages', {
          ...survives,
          params: { path: { channel_id } },
          body: { content, nonce },
        }),
      ),
    editMessage: (channel_id: string, message_id: string, content: string, nonce: string) =>
      read(
        objects.message,
        PATCH('/api/channels/{channel_id}/messages/{message_id}', {
          ...survives,
          params: { path: message(channel_id, message_id) },
          body: { content, nonce },
        }),
      ),
    deleteMessage: (channel_id: string, message_id: string, nonce: string) =>
      done(
        DELETE('/api/channels/{channel_id}/messages/{message_id}', {
          ...survives,
          params: { path: message(channel_id, message_id), query: { nonce } },
        }),
      ),
  }
}

/** A token that was revoked or expired on the way gets one more try with another; signed-out callers none. */
async function authorised(deps: ApiDeps, request: Request): Promise<Response> {
  const again = request.clone()
  const token = await deps.token(false)
  if (token !== null) request.headers.set('Authorization', `Bearer ${token}`)
  const response = await deps.fetch(request)
  if (response.status !== 401 || token === null) return response
  again.headers.set('Authorization', `Bearer ${await deps.token(true)}`)
  return deps.fetch(again)
}

/** The answer to a request, or the Problem that there is instead. */
async function answered(deps: ApiDeps, request: Request): Promise<Response> {
  const response = await authorised(deps, request).catch((error: unknown) => {
    throw asProblem(error)
  })
  if (!response.ok) throw await problemOf(response)
  return response
}
