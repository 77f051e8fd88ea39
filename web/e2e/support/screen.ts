/** Opens a screen over the scripted server: a known time, no animations, one width, dark until told otherwise. */
import { type Browser, type BrowserContext, test as base, type Page } from '@playwright/test'
import { ORIGIN, type Script, Scripted } from './scripted'
import { NOW } from './world'

export type Width = 390 | 1440
export const widths: Width[] = [1440, 390]
export const themes = ['dark', 'light'] as const

export interface Screen {
  page: Page
  server: Scripted
}

type Open = (
  path: string,
  width: Width,
  script?: Script & { signedOut?: boolean; language?: string },
) => Promise<Screen>

export const test = base.extend<{ open: Open }>({
  open: async ({ browser }, use) => {
    const contexts: BrowserContext[] = []
    await use((path, width, script = {}) => openScreen(browser, contexts, path, width, script))
    for (const context of contexts) await context.close()
  },
})

async function openScreen(
  browser: Browser,
  contexts: BrowserContext[],
  path: string,
  width: Width,
  script: Script & { signedOut?: boolean; language?: string },
): Promise<Screen> {
  const context = await browser.newContext({
    viewport: { width, height: width === 390 ? 844 : 900 },
    colorScheme: 'dark',
    reducedMotion: 'reduce',
    locale: script.language ?? 'en-GB',
    timezoneId: 'Europe/Paris',
  })
  contexts.push(context)
  const server = new Scripted(script)
  await server.install(context)
  const page = await context.newPage()
  // The clock stands at NOW when the page opens and then runs: timers are part of what is shown.
  await page.clock.install({ time: NOW })
  await page.clock.resume()
  if (!script.signedOut) {
    // Someone who was signed in here before: the provider is asked without a question.
    await context.addInitScript(() => localStorage.setItem('beep:signed-in', '1'))
  }
  await page.goto(ORIGIN + path)
  await page.evaluate(() => document.fonts.ready)
  return { page, server }
}
