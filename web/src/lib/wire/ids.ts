/** Ids are 64-bit numbers as decimal strings: compared as numbers without ever becoming one. */

/** Negative, zero or positive, as a sort wants it. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

/** Names one request, so that a repeat of it is known as such: 22 of [A-Za-z0-9_-], 128 random bits. */
export function newNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
