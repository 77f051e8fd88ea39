/** Instants as people read them, by Intl alone. Formatters are slow to make, so each is made once. */

const cache = new Map<string, Intl.DateTimeFormat>()

function formatter(locale: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${name}`
  const known = cache.get(key) ?? new Intl.DateTimeFormat(locale, options)
  cache.set(key, known)
  return known
}

/** English day names come in the order of the rest of the world, "Saturday, 21 November". */
const tag = (locale: string) => (locale === 'en' ? 'en-GB' : locale)

/** "21:14" */
export const clock = (locale: string, at: number): string =>
  formatter(tag(locale), 'clock', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at)

/** "Saturday, 21 November 2026 at 21:14", for tooltips. */
export const full = (locale: string, at: number): string =>
  formatter(tag(locale), 'full', { dateStyle: 'full', timeStyle: 'short', hourCycle: 'h23' }).format(at)

const DAY = 86_400_000

/** Whole days from at's day to now's, in local time: noon is far enough from any change of clocks. */
function daysBefore(at: number, now: number): number {
  const noon = (instant: number) => new Date(instant).setHours(12, 0, 0, 0)
  return Math.round((noon(now) - noon(at)) / DAY)
}

/** "Today", "Yesterday", or the date; the year only when it is another one. */
export function day(locale: string, at: number, now: number): string {
  const days = daysBefore(at, now)
  if (days === 0 || days === 1) {
    const word = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-days, 'day')
    return word.charAt(0).toLocaleUpperCase(locale) + word.slice(1)
  }
  const options: Intl.DateTimeFormatOptions = { weekday: 'long', day: 'numeric', month: 'long' }
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  const text = sameYear
    ? formatter(tag(locale), 'day', options).format(at)
    : formatter(tag(locale), 'day-year', { ...options, year: 'numeric' }).format(at)
  // British English writes "Saturday 21 November"; the comma is ours.
  return locale === 'en' ? text.replace(/^(\p{L}+) /u, '$1, ') : text
}
