import { KeyRound, LogOut, Settings2 } from 'lucide-react'
import { useState } from 'react'
import { useT } from '@/i18n/use-t'
import type { Status } from '@/lib/wire/frames'
import { usePreference, useSelect, useServices } from '@/store/hooks'
import type { Language, Theme } from '@/store/preferences'
import { Avatar } from '@/ui/avatar'
import { Menu, MenuChoice, MenuItem, MenuSeparator } from '@/ui/menu'

/** Who is signed in, with status, theme, language and the way out. */
export function UserRow() {
  const { t, locale } = useT()
  const { realtime, preferences, session } = useServices()
  const me = useSelect((state) => state.me)
  const theme = usePreference('theme')
  const [status, setStatus] = useState<Status>('online')
  if (me === null) return <footer className="me h-16" />

  const shown = status === 'invisible' ? 'offline' : status
  const choose = (next: Status) => {
    setStatus(next)
    realtime.setStatus(next)
  }
  return (
    <footer className="me">
      <Menu
        label={t('status.label')}
        side="top"
        trigger={
          <button type="button" className="who">
            <Avatar id={me.id} name={me.display_name} size={32} status={shown} on="var(--color-surface-0)" />
            <span className="min-w-0 flex-1">
              <strong className="truncate">{me.display_name}</strong>
              <small className="truncate">{t(`status.${status}`)}</small>
            </span>
          </button>
        }
      >
        <MenuChoice<Status>
          label={t('status.label')}
          value={status}
          options={(['online', 'idle', 'dnd', 'invisible'] as const).map((value) => ({
            value,
            label: t(`status.${value}`),
          }))}
          onChange={choose}
        />
      </Menu>
      <Menu
        label={t('settings.label')}
        side="top"
        align="end"
        trigger={<IconButtonTrigger label={t('settings.label')} />}
      >
        <MenuChoice<Theme>
          label={t('settings.theme')}
          value={theme}
          options={(['system', 'light', 'dark'] as const).map((value) => ({ value, label: t(`theme.${value}`) }))}
          onChange={(next) => preferences.setState({ theme: next })}
        />
        <MenuSeparator />
        <MenuChoice<Language>
          label={t('settings.language')}
          value={locale === 'fr' ? 'fr' : 'en'}
          options={[
            { value: 'en', label: 'English' },
            { value: 'fr', label: 'Français' },
          ]}
          onChange={(next) => preferences.setState({ language: next })}
        />
        <MenuSeparator />
        <MenuItem
          icon={<KeyRound className="size-4" aria-hidden />}
          onSelect={() => void session.action('UPDATE_PASSWORD', location.pathname)}
        >
          {t('settings.password')}
        </MenuItem>
        <MenuItem look="danger" icon={<LogOut className="size-4" aria-hidden />} onSelect={() => void session.logout()}>
          {t('settings.sign_out')}
        </MenuItem>
      </Menu>
    </footer>
  )
}

/** A menu's button may not be a tooltip's as well: Radix hands its handlers to exactly one element. */
function IconButtonTrigger({ label, ...rest }: { label: string } & React.ComponentProps<'button'>) {
  return (
    <button type="button" className="ib" aria-label={label} title={label} {...rest}>
      <Settings2 aria-hidden />
    </button>
  )
}
