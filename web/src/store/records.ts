/** Records by id, never changed in place: one that stays the same stays the same object. */

export function index<T>(items: readonly T[], key: (item: T) => string): Record<string, T> {
  return Object.fromEntries(items.map((item) => [key(item), item]))
}

export function without<T>(record: Readonly<Record<string, T>>, keys: readonly string[]): Readonly<Record<string, T>> {
  if (!keys.some((key) => Object.hasOwn(record, key))) return record
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)))
}
