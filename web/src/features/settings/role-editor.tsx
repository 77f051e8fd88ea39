import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useRefusal, useSentence } from '@/i18n/use-sentence'
import { useT } from '@/i18n/use-t'
import type { RoleDraft } from '@/lib/api/roles'
import { roleRights } from '@/lib/rights'
import type { Role } from '@/lib/wire/objects'
import { useSelect, useServices, useStage } from '@/store/hooks'
import { Button } from '@/ui/button'
import { Colored } from '@/ui/colored'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/field'
import { SwitchRow } from '@/ui/switch'
import { ColorField } from './color-field'
import { Pane } from './frame'
import { SaveBar } from './save-bar'

const NOTHING: readonly string[] = []

interface RoleEditorProps {
  role: Role
  /** Whether the user may only look. */
  locked: boolean
}

/** Everything about one role. Nothing is told to the server before it is saved. */
export function RoleEditor({ role, locked }: RoleEditorProps) {
  const { t } = useT()
  const { api } = useServices()
  const toast = useStage((stage) => stage.toast)
  const sentence = useSentence()
  const held = useSelect((state) => state.servers[role.server_id]?.rights ?? NOTHING)
  // What differs from the role; the rest follows it, whoever changes it.
  const [draft, setDraft] = useState<Partial<RoleDraft>>({})
  const [deleting, setDeleting] = useState(false)
  const shown = { ...role, ...draft }
  const everyone = role.id === role.server_id
  const save = useMutation({
    mutationFn: () => api.updateRole(role.server_id, role.id, draft),
    onSuccess: () => {
      setDraft({})
      toast(t('overview.saved'))
    },
  })
  const change = (part: Partial<RoleDraft>) => setDraft({ ...draft, ...part })
  const give = (right: string, given: boolean) => {
    const others = shown.rights.filter((one) => one !== right)
    change({ rights: given ? [...others, right] : others })
  }
  return (
    <Pane
      title={<Colored color={shown.color}>{everyone ? t('roles.everyone') : shown.name}</Colored>}
      {...(locked && { text: t('roles.above') })}
      action={
        !everyone &&
        !locked && (
          <Button look="outline" size="small" onClick={() => setDeleting(true)}>
            {t('roles.delete')}
          </Button>
        )
      }
    >
      {!everyone && <Looks shown={shown} locked={locked} onChange={change} />}
      <h2>{t('roles.rights')}</h2>
      {roleRights.map((right) => {
        const lacks = !held.includes(right)
        return (
          <SwitchRow
            key={right}
            label={t(`right.${right}`)}
            help={t(`right.${right}_help`)}
            checked={shown.rights.includes(right)}
            disabled={locked || lacks}
            why={lacks && !locked ? t('roles.locked') : undefined}
            onChange={(given) => give(right, given)}
          />
        )
      })}
      {Object.keys(draft).length > 0 && (
        <SaveBar
          busy={save.isPending || shown.name.trim() === ''}
          error={save.error === null ? null : sentence(save.error)}
          onUndo={() => setDraft({})}
          onSave={() => save.mutate()}
        />
      )}
      {deleting && <DeleteRole role={role} onClose={() => setDeleting(false)} />}
    </Pane>
  )
}

interface LooksProps {
  shown: Role
  locked: boolean
  onChange(part: Partial<RoleDraft>): void
}

/** How a role appears. */
function Looks({ shown, locked, onChange }: LooksProps) {
  const { t } = useT()
  return (
    <>
      <div className="fields mb-5">
        <Field
          label={t('roles.name')}
          value={shown.name}
          maxLength={100}
          autoComplete="off"
          disabled={locked}
          onChange={(event) => onChange({ name: event.target.value })}
        />
        <ColorField value={shown.color} disabled={locked} onChange={(color) => onChange({ color })} />
      </div>
      <SwitchRow
        label={t('roles.hoist')}
        help={t('roles.hoist_help')}
        checked={shown.hoist}
        disabled={locked}
        onChange={(hoist) => onChange({ hoist })}
      />
      <SwitchRow
        label={t('roles.mentionable')}
        help={t('roles.mentionable_help')}
        checked={shown.mentionable}
        disabled={locked}
        onChange={(mentionable) => onChange({ mentionable })}
      />
    </>
  )
}

function DeleteRole({ role, onClose }: { role: Role; onClose(): void }) {
  const { t } = useT()
  const { api } = useServices()
  const refused = useRefusal()
  const remove = useMutation({
    mutationFn: () => api.deleteRole(role.server_id, role.id),
    onSuccess: onClose,
    onError: refused,
  })
  return (
    <Dialog title={t('roles.delete_title', { name: role.name })} text={t('roles.delete_text')} onClose={onClose}>
      <div className="end mt-0!">
        <Button look="bare" onClick={onClose}>
          {t('keep')}
        </Button>
        <Button look="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>
          {t('roles.delete')}
        </Button>
      </div>
    </Dialog>
  )
}
