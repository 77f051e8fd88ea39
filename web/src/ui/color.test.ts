import { describe, expect, it } from 'vitest'
import { hexOf, inkOf, linearOf } from './color'

/** WCAG's relative luminance of "oklch(l c h)". */
function luminance(css: string): number {
  const [l = 0, c = 0, h = 0] = css.slice(6, -1).split(' ').map(Number)
  const [r, g, b] = linearOf(l, c, (h * Math.PI) / 180)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)

// Frame and floating surfaces are the darkest and the lightest that names stand on.
const LIGHT = ['oklch(0.952 0.006 75)', 'oklch(0.967 0.005 75)', 'oklch(1 0 0)'].map(luminance)
const DARK = ['oklch(0.186 0.005 60)', 'oklch(0.224 0.006 60)', 'oklch(0.28 0.008 60)'].map(luminance)

describe('the ink of a role', () => {
  const steps = [0x00, 0x33, 0x80, 0xcc, 0xff]
  const colors = steps
    .flatMap((r) => steps.flatMap((g) => steps.map((b) => (r << 16) | (g << 8) | b)))
    .filter((rgb) => rgb !== 0)

  it.each(colors.map((rgb) => [hexOf(rgb), rgb] as const))('%s can be read on every surface', (_, rgb) => {
    const ink = inkOf(rgb)
    for (const surface of LIGHT) expect(contrast(luminance(ink?.light ?? ''), surface)).toBeGreaterThan(4.5)
    for (const surface of DARK) expect(contrast(luminance(ink?.dark ?? ''), surface)).toBeGreaterThan(4.5)
  })

  it('keeps the hue', () => {
    // Pure blue is at 264 degrees in Oklch, whatever its lightness.
    expect(inkOf(0x0000ff)?.light).toMatch(/ 264\.\d\)$/)
    expect(inkOf(0x0000ff)?.dark).toMatch(/ 264\.\d\)$/)
  })

  it('of 0 is that of text', () => expect(inkOf(0)).toBeNull())
})

describe('a color as text', () => {
  it('has six digits', () => expect([hexOf(0xff), hexOf(0x1abc9c)]).toEqual(['#0000ff', '#1abc9c']))
})
