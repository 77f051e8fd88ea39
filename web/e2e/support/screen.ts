/** Opens a screen over the scripted server: a known time, no animations, one width, dark until told otherwise. */
import { type Browser, test as base, type CDPSession, expect, type Page } from '@playwright/test'
import { ORIGIN, type Script, Scripted } from './scripted'
import { NOW } from './world'

export type Width = 390 | 1440
export const widths: Width[] = [1440, 390]
export const themes = ['dark', 'light'] as const

export interface Screen {
  page: Page
  server: Scripted
}

/** What a screen is opened with: the server's script, and who looks at it. */
export type Setting = Script & { signedOut?: boolean; language?: string }

type Open = (path: string, width: Width, setting?: Setting) => Promise<Screen>

/** The windows by language, kept for all tests of a worker: opening one costs more than all that is shown in it. */
type Windows = Map<string, Window>

export const test = base.extend<{ open: Open }, { windows: Windows }>({
  windows: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's names
    async ({}, use) => {
      const windows: Windows = new Map()
      await use(windows)
      for (const { page } of windows.values()) await page.context().close()
    },
    { scope: 'worker' },
  ],
  open: async ({ browser, windows }, use) => {
    const refused: string[] = []
    await use(async (path, width, setting = {}) => {
      const { language = 'en-GB' } = setting
      const window = windows.get(language) ?? (await Window.open(browser, language))
      windows.set(language, window)
      const screen = await window.show(path, width, setting)
      screen.page.on('console', (message) => {
        if (/Content Security Policy|TrustedHTML|TrustedScript/.test(message.text())) refused.push(message.text())
      })
      return screen
    })
    expect(refused, 'what the policy of the page refused').toEqual([])
  },
})

class Window {
  readonly page: Page
  private readonly devtools: CDPSession
  private server = new Scripted({})
  private peer: { dispose(): Promise<void> } | null = null

  private constructor(page: Page, devtools: CDPSession) {
    this.page = page
    this.devtools = devtools
  }

  static async open(browser: Browser, locale: string): Promise<Window> {
    const context = await browser.newContext({ reducedMotion: 'reduce', locale, timezoneId: 'Europe/Paris' })
    const page = await context.newPage()
    const window = new Window(page, await context.newCDPSession(page))
    await context.route('**/*', (route) => window.server.answer(route))
    await context.routeWebSocket('**/ws', (socket) => window.server.connect(socket))
    await page.clock.install({ time: NOW })
    await page.clock.resume()
    return window
  }

  async show(path: string, width: Width, setting: Setting): Promise<Screen> {
    await this.clear()
    this.server = new Scripted(setting)
    if (!setting.signedOut) this.peer = await this.page.addInitScript(otherTab, NOW)
    await this.page.setViewportSize({ width, height: width === 390 ? 844 : 900 })
    await this.page.goto(ORIGIN + path)
    await this.page.evaluate(() => document.fonts.ready)
    return { page: this.page, server: this.server }
  }

  /** Nothing of the screen before is left: not its document, its storage, its pointer, its theme or its time. */
  private async clear(): Promise<void> {
    const { page } = this
    page.removeAllListeners('console')
    await page.goto('about:blank')
    await this.devtools.send('Storage.clearDataForOrigin', { origin: ORIGIN, storageTypes: 'local_storage' })
    await this.peer?.dispose()
    this.peer = null
    await page.mouse.move(0, 0)
    await page.emulateMedia({ colorScheme: 'dark' })
    // The clock stands at NOW when a page opens and then runs: timers are part of what is shown.
    await page.clock.setSystemTime(NOW)
  }
}

/**
 * Another tab that is signed in, and tells a new one so: the way by the provider would load each screen twice. It is
 * walked in the stories.
 */
function otherTab(now: number): void {
  const hour = 3_600_000
  const tokens = { access: 'scripted', refresh: 'scripted', idToken: null, renewAt: now + hour, expiresAt: now + hour }
  const tabs = new BroadcastChannel('beep:session')
  tabs.addEventListener('message', ({ data }) => {
    if (data.say === 'ask') tabs.postMessage({ say: 'tokens', tokens })
  })
}
