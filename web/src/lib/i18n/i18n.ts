/** Which language is spoken, and its catalogue: English comes with the client, the others when they are chosen. */
import { type Messages, setupI18n } from '@lingui/core'
import en from '@/i18n/en.json'

/** The build turns the JSON's texts into compiled messages, which TypeScript cannot see. */
const catalogue = (json: unknown) => json as Messages

export const i18n = setupI18n({ locale: 'en', messages: { en: catalogue(en) } })

/** Speaks a language. */
export async function speak(language: 'en' | 'fr'): Promise<void> {
  if (language === 'fr') i18n.load('fr', catalogue((await import('@/i18n/fr.json')).default))
  i18n.activate(language)
}

/** The first of the browser's languages that we speak. */
export function browserLanguage(languages: readonly string[]): 'en' | 'fr' {
  for (const language of languages) {
    const primary = language.toLowerCase().split('-')[0]
    if (primary === 'en' || primary === 'fr') return primary
  }
  return 'en'
}
