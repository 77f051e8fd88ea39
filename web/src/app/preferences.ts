/** Carries the device's choices out on the document: theme and language, now and after each change. */
import { browserLanguage, speak } from '@/lib/i18n/i18n'
import type { Preferences } from '@/store/preferences'

export async function followPreferences(preferences: Preferences): Promise<void> {
  const root = document.documentElement
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const theme = () => {
    const choice = preferences.getState().theme
    root.dataset.theme = choice === 'dark' || (choice === 'system' && dark.matches) ? 'dark' : 'light'
    // The browser's own bars take the colour of the frame.
    const frame = getComputedStyle(root).getPropertyValue('--color-surface-0')
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', frame)
  }
  const language = async () => {
    const chosen = preferences.getState().language ?? browserLanguage(navigator.languages)
    root.lang = chosen
    await speak(chosen)
  }
  theme()
  dark.addEventListener('change', theme)
  preferences.subscribe((values, before) => {
    if (values.theme !== before.theme) theme()
    if (values.language !== before.language) void language()
  })
  await language()
}
