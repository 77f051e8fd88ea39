/** What is written and not sent, per channel: survives a reload, ends with the channel or the session. */

const PREFIX = 'beep:draft:'

export const loadDraft = (storage: Storage, channelId: string): string => storage.getItem(PREFIX + channelId) ?? ''

/** Keeps a draft; an empty one is none. */
export function saveDraft(storage: Storage, channelId: string, text: string): void {
  if (text.trim() === '') storage.removeItem(PREFIX + channelId)
  else storage.setItem(PREFIX + channelId, text)
}

export const forgetDraft = (storage: Storage, channelId: string): void => storage.removeItem(PREFIX + channelId)

/** Forgets every draft: nothing written may outlive a sign-out. */
export function forgetDrafts(storage: Storage): void {
  const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i))
  for (const key of keys) if (key?.startsWith(PREFIX)) storage.removeItem(key)
}
