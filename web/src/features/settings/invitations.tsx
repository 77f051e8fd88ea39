import { useQuery } from '@tanstack/react-query'
import { useRefusal } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import type { Invitation } from '@/lib/wire/objects'
import { useServices, useStage } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Pane } from './frame'
import { Listing } from './listing'
import { useNames } from './use-names'

/** The links that let people in, and the end of each. */
export function Invitations({ serverId }: { serverId: string }) {
  const { t } = useT()
  const { api } = useServices()
  const toast = useStage((stage) => stage.toast)
  const show = useStage((stage) => stage.show)
  const refused = useRefusal()
  const query = useQuery({
    queryKey: ['invitations', serverId],
    queryFn: () => api.invitations(serverId),
    staleTime: 0,
    gcTime: 0,
  })
  const list = query.data ?? []
  const name = useNames(
    serverId,
    list.map((one) => one.creator_id),
  )
  const revoke = (code: string) => {
    api.revokeInvitation(code).then(() => {
      toast(t('invitations.revoked'))
      void query.refetch()
    }, refused)
  }
  return (
    <Pane
      title={t('server_settings.invitations')}
      action={
        <Button look="outline" size="small" onClick={() => show({ kind: 'invite', serverId })}>
          {t('invite.title')}
        </Button>
      }
    >
      <Listing
        loading={query.isPending}
        error={query.error}
        none={t('invitations.none')}
        empty={list.length === 0}
        more={null}
        onAgain={() => void query.refetch()}
      >
        {list.map((one) => (
          <li key={one.code}>
            <div>
              <b>{one.code}</b>
              <small>
                {t('invitations.by', { name: name(one.creator_id) })}, <Uses invitation={one} />
              </small>
            </div>
            <Button look="outline" size="small" onClick={() => revoke(one.code)}>
              {t('invitations.revoke')}
            </Button>
          </li>
        ))}
      </Listing>
    </Pane>
  )
}

function Uses({ invitation: { uses, max_uses: most, expires_at: end } }: { invitation: Invitation }) {
  const { t, locale } = useT()
  const used = most === 0 ? t('invitations.uses', { uses }) : t('invitations.uses_of', { uses, most })
  const date = end === null ? '' : new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(Date.parse(end))
  return (
    <>
      {used}, {end === null ? t('invitations.endless') : t('invitations.ends', { date })}
    </>
  )
}
