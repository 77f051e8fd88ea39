import { useState } from 'react'
import { VList } from 'virtua'
import { useT } from '@/i18n/use-t'
import { useSelect, useStage } from '@/store/hooks'
import { nameIn, nameOf } from '@/store/selectors'
import { colorIn, rolesOfMember } from '@/store/standing'
import { Avatar } from '@/ui/avatar'
import { Button } from '@/ui/button'
import { Colored } from '@/ui/colored'
import { Field } from '@/ui/field'
import { Pane } from './frame'

/** Every member that is loaded, found by nickname, name or username. */
export function Members({ serverId }: { serverId: string }) {
  const { t } = useT()
  const members = useSelect((state) => state.members)
  const users = useSelect((state) => state.users)
  const [query, setQuery] = useState('')
  const wanted = query.trim().toLocaleLowerCase()
  const name = (id: string) => nameIn({ members, users }, serverId, id)
  const found = Object.keys(members[serverId]?.byId ?? {})
    .filter((id) =>
      [name(id), nameOf({ users }, id), users[id]?.username ?? ''].some((one) =>
        one.toLocaleLowerCase().includes(wanted),
      ),
    )
    .sort((a, b) => name(a).localeCompare(name(b)))
  return (
    <Pane title={t('server_settings.members')}>
      <div className="fields mb-4">
        <Field
          label={t('members_page.search')}
          type="search"
          value={query}
          autoComplete="off"
          onChange={(event) => setQuery(event.target.value)}
        />
      </div>
      {found.length === 0 ? (
        <p role="status" className="text-ink-3">
          {t('members_page.none', { query })}
        </p>
      ) : (
        <VList className="things h-[calc(100dvh-220px)]!" role="list" tabIndex={0} aria-label={t('members.label')}>
          {found.map((id) => (
            <MemberRow key={id} serverId={serverId} userId={id} />
          ))}
        </VList>
      )}
    </Pane>
  )
}

function MemberRow({ serverId, userId }: { serverId: string; userId: string }) {
  const { t } = useT()
  const showCard = useStage((stage) => stage.showCard)
  const name = useSelect((state) => nameIn(state, serverId, userId)) || t('user.unknown')
  const username = useSelect((state) => state.users[userId]?.username ?? '')
  const color = useSelect((state) => colorIn(state, serverId, userId))
  const roles = useSelect((state) =>
    rolesOfMember(state, serverId, userId)
      .map((role) => role.name)
      .join(', '),
  )
  return (
    // biome-ignore lint/a11y/useSemanticElements: the virtual list puts its own elements around each
    <div role="listitem" className="perm">
      <Avatar id={userId} name={name} size={32} />
      <div className="flex-1">
        <Colored color={color}>{name}</Colored>
        <small className="truncate">{roles === '' ? username : `${username}, ${roles}`}</small>
      </div>
      <Button
        look="outline"
        size="small"
        aria-haspopup="dialog"
        aria-label={t('members_page.open', { name })}
        onClick={(event) => showCard({ serverId, userId, anchor: event.currentTarget })}
      >
        {t('server_settings.roles')}
      </Button>
    </div>
  )
}
