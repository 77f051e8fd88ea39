/** The keys of a storage that begin with a prefix, read at once: whoever removes some of them skips none. */
export function keysOf(storage: Storage, prefix: string): string[] {
  const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i))
  return keys.filter((key) => key !== null).filter((key) => key.startsWith(prefix))
}

/** Removes every key with a prefix. */
export function removeAll(storage: Storage, prefix: string): void {
  for (const key of keysOf(storage, prefix)) storage.removeItem(key)
}

/** Keeps a value if there is room: a full storage must stop nobody from writing. */
export function put(storage: Storage, key: string, value: string): void {
  try {
    storage.setItem(key, value)
  } catch {
    // not kept over a reload, and nothing worse
  }
}
