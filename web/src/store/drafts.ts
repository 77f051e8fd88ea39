/** What is written and not sent, per channel: survives a reload, ends with the channel or the session. */
import { put } from '@/lib/storage/keys'

export const DRAFT_PREFIX = 'beep:draft:'

export const loadDraft = (storage: Storage, channelId: string): string =>
  storage.getItem(DRAFT_PREFIX + channelId) ?? ''

/** Keeps a draft; an empty one is none. */
export function saveDraft(storage: Storage, channelId: string, text: string): void {
  if (text.trim() === '') storage.removeItem(DRAFT_PREFIX + channelId)
  else put(storage, DRAFT_PREFIX + channelId, text)
}

export const forgetDraft = (storage: Storage, channelId: string): void => storage.removeItem(DRAFT_PREFIX + channelId)
