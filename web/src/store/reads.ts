/** How far this device has shown each channel, kept per user. Damaged storage counts as none. */
import * as v from 'valibot'
import { put } from '@/lib/storage/keys'

export const READS_PREFIX = 'beep:reads:'

const schema = v.record(v.string(), v.pipe(v.number(), v.integer(), v.minValue(0)))
const keyOf = (userId: string) => READS_PREFIX + userId

export function loadReads(storage: Storage, userId: string): Record<string, number> {
  try {
    const parsed = v.safeParse(schema, JSON.parse(storage.getItem(keyOf(userId)) ?? '{}'))
    return parsed.success ? parsed.output : {}
  } catch {
    return {}
  }
}

export function saveReads(storage: Storage, userId: string, reads: Readonly<Record<string, number>>): void {
  put(storage, keyOf(userId), JSON.stringify(reads))
}
