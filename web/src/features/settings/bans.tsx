import { useRefusal } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import { useServices, useStage } from '@/store/hooks'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Pane } from './frame'
import { Listing } from './listing'
import { useNames } from './use-names'
import { usePages } from './use-pages'

/** Who is kept out, by whom and why. */
export function Bans({ serverId }: { serverId: string }) {
  const { t, locale } = useT()
  const { api } = useServices()
  const toast = useStage((stage) => stage.toast)
  const refused = useRefusal()
  const bans = usePages(['bans', serverId], (before) => api.bans(serverId, before))
  const name = useNames(
    serverId,
    bans.items.flatMap((ban) => [ban.user_id, ban.actor_id]),
  )
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'long' })
  const lift = (userId: string) => {
    api.unbanUser(serverId, userId).then(() => {
      toast(t('bans.lifted', { name: name(userId) }))
      bans.again()
    }, refused)
  }
  return (
    <Pane title={t('server_settings.bans')}>
      <Listing
        loading={bans.loading}
        error={bans.error}
        none={t('bans.none')}
        empty={bans.items.length === 0}
        more={bans.more}
        onAgain={bans.again}
      >
        {bans.items.map((ban) => (
          <li key={ban.id}>
            <Avatar id={ban.user_id} name={name(ban.user_id)} size={32} />
            <div>
              <b>{name(ban.user_id)}</b>
              <small>
                {t('bans.by', { name: name(ban.actor_id), date: date.format(Date.parse(ban.created_at ?? '')) })}
              </small>
              {ban.reason !== '' && <small>{t('audit.reason', { reason: ban.reason })}</small>}
            </div>
            <Button look="outline" size="small" onClick={() => lift(ban.user_id)}>
              {t('bans.lift')}
            </Button>
          </li>
        ))}
      </Listing>
    </Pane>
  )
}
