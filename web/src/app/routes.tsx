/** The addresses of the client. Typed parameters; each route is a few lines that pick features. */

import { useQuery } from '@tanstack/react-query'
import { createRootRoute, createRoute, createRouter, Navigate, Outlet, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useSyncExternalStore } from 'react'
import { SignInPage } from '@/features/account/sign-in-page'
import { ChannelPage } from '@/features/chat/channel-page'
import { InvitePage } from '@/features/invites/invite-page'
import { HomePage } from '@/features/servers/home-page'
import { MemberList } from '@/features/servers/member-list'
import { NoChannelPage } from '@/features/servers/no-channel-page'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { firstChannel } from '@/store/selectors'
import { Skeleton } from '@/ui/skeleton'
import { Toasts } from '@/ui/toasts'
import { useArrivalGrace } from './arrival-grace'
import { Dialogs } from './dialogs'
import { ErrorPage } from './error-page'
import { NotFoundPage } from './not-found-page'
import { useMembersShown, useServerState } from './place'
import { Shell } from './shell'
import { useTitle } from './title'

const root = createRootRoute({ component: Root, errorComponent: ErrorPage, notFoundComponent: NotFoundPage })

function Root() {
  const { t } = useT()
  const toasts = useStage((stage) => stage.toasts)
  const dismiss = useStage((stage) => stage.dismiss)
  useTitle()
  return (
    <>
      <Outlet />
      <Dialogs />
      <Toasts toasts={toasts} label={t('toasts.label')} closeLabel={t('close')} onClose={dismiss} />
    </>
  )
}

function useSignedIn(): boolean {
  const { session } = useServices()
  return useSyncExternalStore(
    (changed) => session.subscribe(changed),
    () => session.state === 'signed-in',
  )
}

/** Pages for members only: whoever is not signed in meets the door and comes back here. */
const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  validateSearch: (search): { auth_error?: string } =>
    typeof search.auth_error === 'string' ? { auth_error: search.auth_error } : {},
  component: function Inside() {
    const signedIn = useSignedIn()
    const { auth_error: error } = inside.useSearch()
    if (signedIn) return <Outlet />
    return <SignInPage returnTo={location.pathname} error={error ?? null} />
  },
})

const home = createRoute({
  getParentRoute: () => inside,
  path: '/',
  component: function Home() {
    return (
      <Shell serverId={null} channelId={null}>
        {(leading) => <HomePage leading={leading} />}
      </Shell>
    )
  },
})

const server = createRoute({
  getParentRoute: () => inside,
  path: '/channels/$serverId',
  component: function Server() {
    const { serverId } = server.useParams()
    const { preferences } = useServices()
    const state = useServerState(serverId)
    const first = useSelect((all) => firstChannel(all, serverId))
    const last = preferences.getState().lastChannel[serverId]
    const lastSeen = useSelect((all) => (last !== undefined && all.channels[last] !== undefined ? last : null))
    const channelId = lastSeen ?? first
    if (state === 'gone') return <NotFoundPage />
    if (channelId !== null)
      return <Navigate to="/channels/$serverId/$channelId" params={{ serverId, channelId }} replace />
    return (
      <Shell serverId={serverId} channelId={null}>
        {(leading) => (state === 'unknown' ? <Loading /> : <NoChannelPage serverId={serverId} leading={leading} />)}
      </Shell>
    )
  },
})

const channel = createRoute({
  getParentRoute: () => inside,
  path: '/channels/$serverId/$channelId',
  component: function OneChannel() {
    const { serverId, channelId } = channel.useParams()
    return <ChannelScreen serverId={serverId} channelId={channelId} messageId={null} />
  },
})

const message = createRoute({
  getParentRoute: () => inside,
  path: '/channels/$serverId/$channelId/$messageId',
  component: function OneMessage() {
    return <ChannelScreen {...message.useParams()} />
  },
})

// Few open the settings, and nobody at once: they come when they are asked for.
const SettingsPage = lazy(() =>
  import('@/features/settings/settings-page').then((file) => ({ default: file.SettingsPage })),
)

const settings = createRoute({
  getParentRoute: () => inside,
  path: '/servers/$serverId/settings/$section',
  component: function Settings() {
    const { serverId, section } = settings.useParams()
    const state = useServerState(serverId)
    if (state === 'gone') return <NotFoundPage />
    if (state === 'unknown') return <Loading />
    return (
      <Suspense fallback={<Loading />}>
        <SettingsPage serverId={serverId} section={section} />
      </Suspense>
    )
  },
})

const ChannelSettingsPage = lazy(() =>
  import('@/features/settings/channel-settings-page').then((file) => ({ default: file.ChannelSettingsPage })),
)

const channelSettings = createRoute({
  getParentRoute: () => inside,
  path: '/servers/$serverId/channels/$channelId/settings/$section',
  component: function ChannelSettings() {
    const { serverId, channelId, section } = channelSettings.useParams()
    const state = useServerState(serverId)
    const known = useSelect((all) => all.channels[channelId]?.channel.server_id === serverId)
    if (state === 'gone') return <NotFoundPage />
    if (state === 'unknown') return <Loading />
    if (!known) return <Arriving serverId={serverId} />
    return (
      <Suspense fallback={<Loading />}>
        <ChannelSettingsPage channelId={channelId} section={section} />
      </Suspense>
    )
  },
})

const invite = createRoute({
  getParentRoute: () => root,
  path: '/invite/$code',
  component: function Invite() {
    return <InvitePage code={invite.useParams().code} signedIn={useSignedIn()} />
  },
})

interface ChannelScreenProps {
  serverId: string
  channelId: string
  messageId: string | null
}

/** A channel in the shell, with its members beside it. */
function ChannelScreen({ serverId, channelId, messageId }: ChannelScreenProps) {
  const { api, preferences } = useServices()
  const navigate = useNavigate()
  const state = useServerState(serverId)
  const known = useSelect((all) => all.channels[channelId]?.channel.server_id === serverId)
  const limits = useQuery({ queryKey: ['limits'], queryFn: () => api.limits(), staleTime: Number.POSITIVE_INFINITY })
  const members = useMembersShown()

  // Outside React: the choice of this device where to come back to.
  useEffect(() => {
    if (known) preferences.setState((values) => ({ lastChannel: { ...values.lastChannel, [serverId]: channelId } }))
  }, [known, preferences, serverId, channelId])

  if (state === 'gone') return <NotFoundPage />
  const leave = () => {
    if (messageId !== null)
      void navigate({ to: '/channels/$serverId/$channelId', params: { serverId, channelId }, replace: true })
  }
  return (
    <Shell serverId={serverId} channelId={channelId}>
      {(leading) => {
        if (!known) return state === 'unknown' ? <Loading /> : <Arriving serverId={serverId} />
        return (
          <>
            <ChannelPage
              key={channelId}
              channelId={channelId}
              targetId={messageId}
              limit={limits.data?.message_length ?? 4000}
              leading={leading}
              members={members}
              onLeaveTarget={leave}
            />
            {members.shown && <MemberList serverId={serverId} />}
          </>
        )
      }}
    </Shell>
  )
}

const loader = () => <Loading />

function Loading() {
  const { t } = useT()
  return (
    <section className="col justify-end" aria-label={t('loading')}>
      <Skeleton label={t('loading')} rows={6} />
    </section>
  )
}

/** A channel that is not here: new ones arrive over the socket a moment after they were made. */
function Arriving({ serverId }: { serverId: string }) {
  const waiting = useArrivalGrace(serverId, true)
  if (waiting) return <Loading />
  return <Navigate to="/channels/$serverId" params={{ serverId }} replace />
}

const tree = root.addChildren([inside.addChildren([home, server, channel, message, settings, channelSettings]), invite])

/** Makes the router. */
export const newRouter = () => createRouter({ routeTree: tree, defaultPendingComponent: loader, defaultPreload: false })

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>
  }
}
