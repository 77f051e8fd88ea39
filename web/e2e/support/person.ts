/** Someone at a browser of their own: what they do in words, whatever the page looks like. */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  test as base,
  expect,
  type Page,
} from '@playwright/test'
import { Beep } from './beep'

const PASSWORD = 'four quiet harbour words'

export class Person {
  readonly name: string
  readonly page: Page
  readonly context: BrowserContext
  private readonly beep: Beep

  constructor(name: string, page: Page, beep: Beep) {
    this.name = name
    this.page = page
    this.context = page.context()
    this.beep = beep
  }

  get composer() {
    return this.page.getByRole('textbox', { name: /^Message #/ })
  }
  get log() {
    return this.page.getByRole('log')
  }
  /** A message that the log has confirmed: what is only on its way has no id yet. */
  said(text: string) {
    return this.log.locator('li[data-id]').filter({ hasText: text })
  }

  async open(path: string): Promise<void> {
    await this.page.goto(this.beep.url + path)
  }

  /** Fills a form of the provider by the names of its fields, which no language changes, and sends it. */
  private async fillIn(fields: Record<string, string>): Promise<void> {
    const names = Object.keys(fields)
    for (const name of names) await this.page.locator(`input[name="${name}"]`).fill(fields[name] ?? '')
    await this.page.locator(`input[name="${names.at(-1)}"]`).press('Enter')
  }

  private get email(): string {
    return `${this.name}@harbour.example`
  }

  /** From the provider's sign-in page to the one that waits for the letter's code. */
  private async askForAccount(): Promise<void> {
    await this.page.getByRole('link', { name: /Create one|En créer un/ }).click()
    await this.fillIn({ username: this.name, email: this.email, password: PASSWORD })
    await expect(this.page.locator('input[name="code"]')).toBeVisible()
  }

  /** From the provider's sign-in page through sign-up and confirmation back to wherever the person came from. */
  async signUp(): Promise<void> {
    await this.askForAccount()
    await this.fillIn({ code: await this.beep.codeFor(this.email) })
    await expect(this.page).not.toHaveURL(/\/(oidc|callback)/)
  }

  /** The same by the letter's link, which a mail program opens in a tab of its own; answers that tab. */
  async signUpByLink(): Promise<Page> {
    await this.askForAccount()
    const tab = await this.context.newPage()
    await tab.goto(await this.beep.linkFor(this.email))
    await tab.getByRole('main').getByRole('button').click()
    await expect(tab).not.toHaveURL(/\/(oidc|callback)/)
    return tab
  }

  async signIn(): Promise<void> {
    await this.fillIn({ email: this.email, password: PASSWORD })
    await expect(this.page).not.toHaveURL(/\/(oidc|callback)/)
  }

  /** Opens Beep for the first time and makes an account. */
  async arrive(): Promise<this> {
    await this.open('/')
    await this.page.getByRole('button', { name: 'Sign in' }).click()
    await this.signUp()
    await expect(this.page.getByRole('heading', { name: 'Quiet so far' })).toBeVisible()
    return this
  }

  async createServer(name: string): Promise<void> {
    const { page } = this
    await page.getByRole('main').getByRole('button', { name: 'Create a server' }).click()
    await page.getByRole('textbox', { name: 'Server name' }).fill(name)
    await page.getByRole('button', { name: 'Create server' }).click()
    await expect(page.getByRole('heading', { name: 'general', level: 1 })).toBeVisible()
    await expect(this.composer).toBeVisible()
  }

  /** The link of a new invitation to the server on the screen. */
  async invitation(): Promise<string> {
    const { page } = this
    await page.getByRole('button', { name: 'Invite people' }).click()
    await page.getByRole('button', { name: 'Create link' }).click()
    const field = page.getByRole('textbox', { name: 'Invitation link' })
    await expect(field).toHaveValue(/\/invite\//)
    const link = await field.inputValue()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    return new URL(link).pathname
  }

  /** Opens an invitation signed out, makes an account, and comes back to it. */
  async follow(invitation: string, server: string): Promise<this> {
    await this.open(invitation)
    await this.page.getByRole('button', { name: 'Sign in to join' }).click()
    await this.signUp()
    await this.page.getByRole('button', { name: `Join ${server}` }).click()
    await expect(this.composer).toBeVisible()
    return this
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  }

  async sees(text: string): Promise<void> {
    await expect(this.said(text)).toHaveCount(1)
    await expect(this.said(text)).toBeVisible()
  }

  /** The toolbar button of a message of one's own. */
  async act(text: string, action: 'Edit' | 'Delete' | 'More'): Promise<void> {
    await this.said(text).hover()
    await this.said(text).getByRole('button', { name: action }).click()
  }

  /** What the browser's policy refused, up to now. */
  readonly refused: string[] = []
}

interface Harbour {
  beep: Beep
  /** A person at a browser of their own. Names are made unique, since all tests share one Beep; not for a picture. */
  person(name: string, options?: BrowserContextOptions): Promise<Person>
}

export const test = base.extend<Harbour, { harbour: Beep }>({
  harbour: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's names
    async ({}, use) => {
      const beep = await Beep.start()
      await use(beep)
      await beep.stop()
    },
    { scope: 'worker' },
  ],
  beep: async ({ harbour }, use) => use(harbour),
  person: async ({ browser, beep }, use, info) => {
    const people: Person[] = []
    await use(async (name, options = {}) => {
      const one = await newPerson(
        browser,
        process.env.SCREENSHOT ? name : `${name}-${info.workerIndex}-${Date.now().toString(36)}`,
        beep,
        options,
      )
      people.push(one)
      return one
    })
    for (const { context } of people) await context.close()
    expect(people.flatMap((one) => one.refused)).toEqual([])
  },
})

async function newPerson(browser: Browser, name: string, beep: Beep, options: BrowserContextOptions): Promise<Person> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    colorScheme: 'dark',
    ...options,
  })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const person = new Person(name, await context.newPage(), beep)
  person.page.on('console', (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript/.test(message.text())) person.refused.push(message.text())
  })
  return person
}

export { expect }
