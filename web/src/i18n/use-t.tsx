/** React's binding to the catalogues: every text of the client goes through one of these two. */
import type { I18n } from '@lingui/core'
import { Trans, useLingui } from '@lingui/react'
import type { ReactElement } from 'react'
import type en from './en.json'

export type MessageId = keyof typeof en
export type T = (id: MessageId, values?: Record<string, string | number>) => string

/** The function that says a message in the user's language, and the language itself for dates and numbers. */
export function useT(): { t: T; locale: string } {
  // The compiler would take i18n for all that the answer depends on.
  'use no memo'
  const { i18n } = useLingui()
  return speaker(i18n, i18n.locale)
}

/**
 * Another function for another language: i18n stays the same object when its language changes, and what was
 * said with the same function is remembered.
 */
function speaker(i18n: I18n, locale: string): { t: T; locale: string } {
  return { t: (id, values) => i18n._(id, values), locale }
}

interface RichProps {
  id: MessageId
  values?: Record<string, string | number>
  /** <0>…</0> in the message becomes parts[0] around it. */
  parts: ReactElement[]
}

/** A message with elements in it. */
export function Rich({ id, values = {}, parts }: RichProps) {
  return <Trans id={id} values={values} components={Object.fromEntries(parts.map((part, i) => [String(i), part]))} />
}
