import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useT } from '@/i18n/use-t'
import { asProblem } from '@/lib/api/problem'
import type { Preview } from '@/lib/wire/objects'
import { useSelect, useServices } from '@/store/hooks'
import { initialsOf } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Mark } from '@/ui/mark'
import { Skeleton } from '@/ui/skeleton'

interface InvitePageProps {
  code: string
  signedIn: boolean
}

/** Where an invitation leads, for members and strangers alike; joining takes one click, or a sign-in and one. */
export function InvitePage({ code, signedIn }: InvitePageProps) {
  const { t } = useT()
  const { api } = useServices()
  const preview = useQuery({ queryKey: ['invitation', code], queryFn: () => api.invitation(code), retry: 1 })
  const gone = preview.error !== null && asProblem(preview.error).code === 'invitation_not_found'
  return (
    <main className="blank h-full bg-surface-1">
      {preview.isPending && <Skeleton label={t('invite_page.loading')} rows={1} />}
      {preview.error !== null && <Broken gone={gone} onRetry={() => void preview.refetch()} />}
      {preview.data !== undefined && <Offer code={code} preview={preview.data} signedIn={signedIn} />}
    </main>
  )
}

interface OfferProps {
  code: string
  preview: Preview
  signedIn: boolean
}

function Offer({ code, preview, signedIn }: OfferProps) {
  const { t } = useT()
  const { api, session, stage } = useServices()
  const navigate = useNavigate()
  const member = useSelect((state) => state.servers[preview.server_id] !== undefined)
  const name = preview.server_name
  const goTo = (serverId: string) => void navigate({ to: '/channels/$serverId', params: { serverId }, replace: true })
  const join = useMutation({
    mutationFn: () => api.acceptInvitation(code),
    onSuccess: (server) => goTo(server.id),
    onError: (error) => {
      const known = { server_limit: 'create_server.limit', invitation_not_found: 'invite_page.gone_text' } as const
      const problem = asProblem(error).code
      stage.getState().toast(t(known[problem as keyof typeof known] ?? 'dialog.failed'), 'danger')
    },
  })
  return (
    <>
      <span className="tile size-18! rounded-xl! text-xl!" aria-hidden>
        {initialsOf(name)}
      </span>
      <h1>{name}</h1>
      <p>{member ? t('invite_page.member') : t('invite_page.text', { count: preview.member_count })}</p>
      <div className="mt-8 grid w-full max-w-80 gap-2">
        {member && (
          <Button look="accent" size="block" onClick={() => goTo(preview.server_id)}>
            {t('invite_page.open', { name })}
          </Button>
        )}
        {!member && signedIn && (
          <Button look="accent" size="block" disabled={join.isPending} onClick={() => join.mutate()}>
            {t('invite_page.join', { name })}
          </Button>
        )}
        {!member && !signedIn && (
          <Button look="accent" size="block" onClick={() => void session.login(`/invite/${code}`)}>
            {t('invite_page.sign_in')}
          </Button>
        )}
        {signedIn && (
          <Button look="bare" size="block" onClick={() => void navigate({ to: '/' })}>
            {t('invite_page.not_now')}
          </Button>
        )}
      </div>
    </>
  )
}

function Broken({ gone, onRetry }: { gone: boolean; onRetry(): void }) {
  const { t } = useT()
  const navigate = useNavigate()
  return (
    <>
      <Mark size={88} dot={false} className="text-ink-3" />
      <h1>{gone ? t('invite_page.gone') : t('error.title')}</h1>
      <p>{gone ? t('invite_page.gone_text') : t('invite_page.failed_text')}</p>
      <Button className="mt-8" look="outline" onClick={gone ? () => void navigate({ to: '/' }) : onRetry}>
        {gone ? t('not_found.home') : t('retry')}
      </Button>
    </>
  )
}
