/**
 * What this device keeps of an account: drafts, unsent changes, what was read. It ends with the sign-in, and never
 * meets another account; the choices of the device itself (theme, language) are nobody's and stay.
 */
import { put, removeAll } from '@/lib/storage/keys'
import { DRAFT_PREFIX } from './drafts'
import { OUTBOX_PREFIX } from './kept-outbox'
import { READS_PREFIX } from './reads'

const OWNER = 'beep:account'

/** Leaves nothing of the account. */
export function forgetAccount(storage: Storage): void {
  for (const prefix of [DRAFT_PREFIX, OUTBOX_PREFIX, READS_PREFIX]) removeAll(storage, prefix)
  storage.removeItem(OWNER)
}

/** Says whose data this is from now on; that of anyone else goes. */
export function claimAccount(storage: Storage, userId: string): void {
  const owner = storage.getItem(OWNER)
  if (owner !== null && owner !== userId) forgetAccount(storage)
  put(storage, OWNER, userId)
}
