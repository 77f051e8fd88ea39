/**
 * Colors that people chose, drawn so that they can be read: the hue stays, lightness and chroma give way. The
 * stored value is unchanged.
 */

export interface Ink {
  /** For a light surface, as CSS. */
  readonly light: string
  /** For a dark one. */
  readonly dark: string
}

const MOST_CHROMA = 0.15
const LIGHTEST_ON_LIGHT = 0.5
const DARKEST_ON_DARK = 0.76

const known = new Map<number, Ink>()

/** The two inks of a stored 0xRRGGBB; null for 0, which is the color of text. */
export function inkOf(rgb: number): Ink | null {
  if (rgb === 0) return null
  const made = known.get(rgb) ?? make(rgb)
  known.set(rgb, made)
  return made
}

function make(rgb: number): Ink {
  const { l, c, h } = oklchOf(rgb)
  const chroma = Math.min(c, MOST_CHROMA)
  return {
    light: drawn(Math.min(l, LIGHTEST_ON_LIGHT), chroma, h),
    dark: drawn(Math.max(l, DARKEST_ON_DARK), chroma, h),
  }
}

/** As CSS, with as much chroma as a screen can show at that lightness. */
function drawn(l: number, c: number, h: number): string {
  let chroma = c
  while (chroma > 0 && !shown(l, chroma, h)) chroma = Math.max(0, chroma - 0.002)
  return `oklch(${l.toFixed(3)} ${chroma.toFixed(3)} ${((h * 180) / Math.PI).toFixed(1)})`
}

const toLinear = (byte: number) => {
  const v = byte / 255
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
}

/** Björn Ottosson's matrices, from linear sRGB to Oklab and back. */
function oklchOf(rgb: number): { l: number; c: number; h: number } {
  const [r, g, b] = [rgb >> 16, (rgb >> 8) & 255, rgb & 255].map(toLinear) as [number, number, number]
  const long = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const middle = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const short = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  const l = 0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * short
  const a = 1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short
  const bb = 0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short
  const angle = Math.atan2(bb, a)
  return { l, c: Math.hypot(a, bb), h: angle < 0 ? angle + 2 * Math.PI : angle }
}

/** Linear sRGB of an Oklch color; outside [0, 1] where no screen shows it. */
export function linearOf(l: number, c: number, h: number): [number, number, number] {
  const [a, b] = [c * Math.cos(h), c * Math.sin(h)]
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const middle = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
  ]
}

const shown = (l: number, c: number, h: number) => linearOf(l, c, h).every((v) => v >= -0.0005 && v <= 1.0005)

/** "#1abc9c", as a color input wants it. */
export const hexOf = (rgb: number): string => `#${rgb.toString(16).padStart(6, '0')}`
