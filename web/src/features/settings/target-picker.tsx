import { type FormEvent, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect } from '@/store/hooks'
import { keyOf, mayOverwrite, type Target, targetOf } from '@/store/overwrites'
import { nameOf } from '@/store/selectors'
import { rolesOf } from '@/store/standing'
import { Button } from '@/ui/button'
import { Check } from '@/ui/check'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { TargetName, useTargetName } from './target-name'

/** As many as one reads; who is not among them is found by another letter. */
const MOST = 30

interface TargetPickerProps {
  serverId: string
  /** Who is there already. */
  without: readonly string[]
  onPick(targets: Target[]): void
  onClose(): void
}

/** Finds roles and members by name, and answers those that were ticked, all at once. */
export function TargetPicker({ serverId, without, onPick, onClose }: TargetPickerProps) {
  const { t } = useT()
  const [query, setQuery] = useState('')
  const [ticked, setTicked] = useState<readonly string[]>([])
  const found = useFound(serverId, query, without)
  const tick = (key: string, on: boolean) => setTicked(on ? [...ticked, key] : ticked.filter((one) => one !== key))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (ticked.length > 0) onPick(ticked.map(targetOf))
  }
  return (
    <Dialog title={t('picker.title')} onClose={onClose}>
      <form onSubmit={submit} className="mt-4 grid gap-3">
        <Field
          label={t('picker.search')}
          type="search"
          value={query}
          autoComplete="off"
          onChange={(event) => setQuery(event.target.value)}
        />
        <ul className="picks" aria-label={t('picker.found')}>
          {found.map(({ target, may }) => {
            const key = keyOf(target)
            return (
              <li key={key}>
                <Check checked={ticked.includes(key)} disabled={!may} onChange={(on) => tick(key, on)}>
                  <span className="flex items-center gap-2">
                    <TargetName serverId={serverId} target={target} />
                    {!may && <small>{t('picker.above')}</small>}
                  </span>
                </Check>
              </li>
            )
          })}
        </ul>
        {found.length === 0 && (
          <p role="status" className="text-ink-3">
            {t('members_page.none', { query })}
          </p>
        )}
        <div className="end mt-0!">
          <Button look="bare" onClick={onClose}>
            {t('cancel')}
          </Button>
          <Button look="accent" type="submit" disabled={ticked.length === 0}>
            {t('picker.action')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Roles first, highest first, then members by name. */
function useFound(serverId: string, query: string, without: readonly string[]) {
  const me = useSelect((state) => state.me)
  const servers = useSelect((state) => state.servers)
  const members = useSelect((state) => state.members)
  const users = useSelect((state) => state.users)
  const nameTarget = useTargetName(serverId)
  const wanted = query.trim().toLocaleLowerCase()
  const matches = (...names: string[]) => names.some((name) => name.toLocaleLowerCase().includes(wanted))
  const roles = rolesOf({ servers }, serverId)
    .map(({ id }): Target => ({ kind: 'role', id }))
    .filter((target) => matches(nameTarget(target)))
  const people = Object.keys(members[serverId]?.byId ?? {})
    .map((id): Target => ({ kind: 'member', id }))
    .filter((target) => matches(nameTarget(target), nameOf({ users }, target.id), users[target.id]?.username ?? ''))
    .sort((a, b) => nameTarget(a).localeCompare(nameTarget(b)))
  return [...roles, ...people]
    .filter((target) => !without.includes(keyOf(target)))
    .slice(0, MOST)
    .map((target) => ({ target, may: mayOverwrite({ me, servers, members }, serverId, target) }))
}
