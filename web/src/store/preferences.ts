/** Choices of this device. public/theme.js reads the same key before the first paint. */
import * as v from 'valibot'
import { createStore, type StoreApi } from 'zustand/vanilla'

const schema = v.object({
  theme: v.optional(v.picklist(['light', 'dark', 'system']), 'system'),
  /** null follows the browser. */
  language: v.optional(v.nullable(v.picklist(['en', 'fr'])), null),
  members: v.optional(v.boolean(), true),
  /** The same on a screen where they lie over the messages. */
  membersOverlay: v.optional(v.boolean(), false),
  /** By server: the channel last looked at. */
  lastChannel: v.optional(v.record(v.string(), v.string()), {}),
  /** Categories that are closed in the sidebar. */
  collapsed: v.optional(v.array(v.string()), []),
})

export type PreferenceValues = v.InferOutput<typeof schema>
export type Theme = PreferenceValues['theme']
export type Language = NonNullable<PreferenceValues['language']>
export type Preferences = StoreApi<PreferenceValues>

const KEY = 'beep:preferences'

/** Reads the choices and keeps every change of them. */
export function newPreferences(storage: Storage): Preferences {
  const store = createStore<PreferenceValues>(() => read(storage))
  store.subscribe((values) => storage.setItem(KEY, JSON.stringify(values)))
  return store
}

/** Forgets the choices that name servers and channels: they are the account's, not the device's. */
export const forgetPlaces = (preferences: Preferences): void => preferences.setState({ lastChannel: {}, collapsed: [] })

function read(storage: Storage): PreferenceValues {
  try {
    const parsed = v.safeParse(schema, JSON.parse(storage.getItem(KEY) ?? '{}'))
    if (parsed.success) return parsed.output
  } catch {
    // damaged storage: the defaults
  }
  return v.parse(schema, {})
}
