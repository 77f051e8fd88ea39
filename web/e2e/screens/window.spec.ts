/** The message list over a long history: nothing jumps, the document stays small, the reader keeps the place. */
import { expect, type Page } from '@playwright/test'
import { test } from '../support/screen'
import { CHANNEL, NOW, type Person, people, type Said, SERVER } from '../support/world'

const channel = `/channels/${SERVER}/${CHANNEL}`
const who = Object.keys(people) as Person[]

/** Messages of one to six lines, by all, a minute apart. */
const long = (count: number): Said[] =>
  Array.from({ length: count }, (_, i) => ({
    who: who[(i * 7) % who.length] ?? 'mei',
    at: new Date(NOW - (count - i) * 60_000).toISOString(),
    text: Array.from({ length: 1 + ((i * 5) % 6) }, (_, line) => `Line ${line + 1} of message ${i + 1}`).join('\n'),
  }))

const log = (page: Page) => page.getByRole('log')
const rows = (page: Page) => log(page).locator('[data-id]').count()
const fromBottom = (page: Page) => log(page).evaluate((el) => el.scrollHeight - el.clientHeight - el.scrollTop)

/** Where the row in the middle of the view stands; the reader's eye is on it. */
const eye = (page: Page) =>
  log(page).evaluate((el) => {
    const view = el.getBoundingClientRect()
    const row = document
      .elementFromPoint(view.left + 100, view.top + view.height / 2)
      ?.closest<HTMLElement>('[data-id]')
    return row ? { id: row.dataset.id ?? '', top: row.getBoundingClientRect().top } : null
  })
const topOf = (page: Page, id: string) =>
  log(page).evaluate((el, one) => el.querySelector(`[data-id="${one}"]`)?.getBoundingClientRect().top ?? null, id)

test('opens at the newest message', async ({ open }) => {
  const { page } = await open(channel, 1440, { said: long(300) })
  await expect(page.getByText('Line 1 of message 300')).toBeVisible()
  await expect.poll(() => fromBottom(page)).toBeLessThan(2)
})

test('reads back to the first message with at most 200 rows in the document', async ({ open }) => {
  const { page } = await open(channel, 1440, { said: long(700), window: 50 })
  await expect(page.getByText('Line 1 of message 700')).toBeVisible()
  let most = 0
  await expect(async () => {
    await log(page).evaluate((el) => el.scrollBy(0, -2_000))
    most = Math.max(most, await rows(page))
    await expect(page.getByText('This is where engineering begins.')).toBeInViewport({ timeout: 50 })
  }).toPass({ timeout: 45_000, intervals: [60] })
  expect(most).toBeGreaterThan(60)
  expect(most).toBeLessThanOrEqual(200)
  await page.getByRole('button', { name: 'Jump to present' }).click()
  await expect(page.getByText('Line 1 of message 700')).toBeInViewport()
})

test('loading older messages moves nothing', async ({ open }) => {
  const { page } = await open(channel, 1440, { said: long(500), window: 50 })
  await expect(page.getByText('Line 1 of message 500')).toBeVisible()
  let worst = 0
  for (let i = 0; i < 40; i++) {
    await log(page).evaluate((el) => el.scrollBy(0, -350))
    const before = await eye(page)
    // Two frames: what a scroll starts, loading included, has been drawn once by then.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    const after = before && (await topOf(page, before.id))
    if (before !== null && after !== null) worst = Math.max(worst, Math.abs(after - before.top))
  }
  expect(worst).toBeLessThanOrEqual(1)
})

test('follows new messages at the bottom, and only there', async ({ open }) => {
  const { page, server } = await open(channel, 1440, { said: long(200) })
  const say = (text: string) => server.say({ who: 'mei', at: new Date(NOW).toISOString(), text })
  await expect(page.getByText('Line 1 of message 200')).toBeVisible()
  say('Followed')
  await expect(log(page).getByText('Followed')).toBeInViewport()
  await log(page).evaluate((el) => el.scrollBy(0, -1_500))
  await expect(page.getByRole('button', { name: 'Jump to present' })).toBeVisible()
  const before = await eye(page)
  for (let i = 0; i < 5; i++) say(`Unseen ${i}`)
  await expect(page.getByRole('button', { name: '5 new messages' })).toBeVisible()
  expect(Math.abs(((await topOf(page, before?.id ?? '')) ?? 0) - (before?.top ?? 0))).toBeLessThanOrEqual(1)
  await page.getByRole('button', { name: '5 new messages' }).click()
  await expect(log(page).getByText('Unseen 4')).toBeInViewport()
})

test('the line before what is new stands before the first of 250, and nowhere else', async ({ open }) => {
  const { page, server } = await open(channel, 1440, { said: long(100) })
  await expect(page.getByText('Line 1 of message 100')).toBeVisible()
  await page.getByRole('link', { name: 'welcome' }).click()
  await expect(page.getByText('Quiet so far')).toBeVisible()
  for (let i = 1; i <= 250; i++) server.say({ who: 'mei', at: new Date(NOW).toISOString(), text: `Unread ${i}` })
  await page.getByRole('link', { name: 'engineering' }).click()
  await expect(page.getByText('Unread 250', { exact: true })).toBeInViewport()
  const line = log(page).getByText('New', { exact: true })
  expect(await rows(page)).toBeLessThanOrEqual(200)
  await expect(line).toHaveCount(0)

  // As fast as frames come, until the stretch holds the first of them.
  await log(page).evaluate(async (el) => {
    const held = () => [...el.querySelectorAll('[data-id]')].some((row) => row.textContent?.endsWith('Unread 1'))
    while (!held()) {
      el.scrollBy(0, -600)
      await new Promise(requestAnimationFrame)
    }
  })
  const first = log(page)
    .locator('[data-id]')
    .filter({ hasText: /Unread 1$/ })
  await expect(line).toHaveCount(1)
  const before = await first.evaluate((el) => el.previousElementSibling?.textContent)
  expect(before).toBe('New')
})

test('what grows late above the reader moves nothing: a picture, an edit', async ({ open }) => {
  const { page, server } = await open(channel, 1440, { said: long(250) })
  await expect(page.getByText('Line 1 of message 250')).toBeVisible()
  await log(page).evaluate((el) => el.scrollBy(0, -2_500))
  await expect(page.getByRole('button', { name: 'Jump to present' })).toBeVisible()
  const before = await eye(page)
  const above = await log(page).evaluate((el) => {
    const top = el.getBoundingClientRect().top
    const cut = [...el.querySelectorAll<HTMLElement>('[data-id]')].filter(
      (row) => row.getBoundingClientRect().bottom < top,
    )
    return cut.slice(-4).map((row) => row.dataset.id ?? '')
  })
  expect(above).toHaveLength(4)
  const drift = async () => Math.abs(((await topOf(page, before?.id ?? '')) ?? 9_999) - (before?.top ?? 0))

  server.edit(above[0] ?? '', Array.from({ length: 12 }, (_, i) => `Now line ${i}`).join('\n'))
  await expect(log(page).getByText('Now line 11')).toHaveCount(1)
  await expect.poll(drift).toBeLessThanOrEqual(1)
  server.edit(above[1] ?? '', 'Short now')
  await expect(log(page).getByText('Short now')).toHaveCount(1)
  await expect.poll(drift).toBeLessThanOrEqual(1)
  // As a picture does whose size nobody knew.
  await log(page).evaluate((el, id) => {
    const late = document.createElement('canvas')
    late.style.display = 'block'
    late.height = 320
    el.querySelector(`[data-id="${id}"]`)?.append(late)
  }, above[2])
  await expect.poll(drift).toBeLessThanOrEqual(1)
})

test('what grows late at the bottom keeps the bottom', async ({ open }) => {
  const { page, server } = await open(channel, 1440, { said: long(250) })
  await expect(page.getByText('Line 1 of message 250')).toBeVisible()
  const last = server.messages.at(-1)?.id ?? ''
  server.edit(last, Array.from({ length: 30 }, (_, i) => `Now line ${i}`).join('\n'))
  await expect(log(page).getByText('Now line 29')).toBeInViewport()
  await expect.poll(() => fromBottom(page)).toBeLessThan(2)
  await log(page).evaluate((el, id) => {
    const late = document.createElement('canvas')
    late.style.display = 'block'
    late.height = 320
    el.querySelector(`[data-id="${id}"]`)?.append(late)
  }, server.messages.at(-3)?.id ?? '')
  await expect.poll(() => fromBottom(page)).toBeLessThan(2)
  await expect(page.getByRole('button', { name: 'Jump to present' })).toHaveCount(0)
})

test('comes back to the place where a channel was left', async ({ open }) => {
  const { page } = await open(channel, 1440, { said: long(200) })
  await expect(page.getByText('Line 1 of message 200')).toBeVisible()
  await log(page).evaluate((el) => el.scrollBy(0, -2_500))
  const before = await eye(page)
  await page.getByRole('link', { name: 'welcome' }).click()
  await expect(page.getByText('Quiet so far')).toBeVisible()
  await page.getByRole('link', { name: 'engineering' }).click()
  await expect(log(page)).toBeVisible()
  await expect
    .poll(async () => Math.abs(((await topOf(page, before?.id ?? '')) ?? 9_999) - (before?.top ?? 0)))
    .toBeLessThanOrEqual(1)
})

test('goes to a linked message, around which it loads, and back to the present', async ({ open }) => {
  const { page } = await open(`${channel}/1582000000000000120`, 1440, { said: long(600), window: 50 })
  await expect(page.getByText(/Line 1 of message 120(?!\d)/)).toBeInViewport()
  await page.getByRole('button', { name: 'Jump to present' }).click()
  await expect(page.getByText('Line 1 of message 600')).toBeInViewport()
  await expect(page).toHaveURL(new RegExp(`${CHANNEL}$`))
})

test('sending while reading history goes to the end', async ({ open }) => {
  const { page } = await open(channel, 1440, { said: long(200) })
  await expect(page.getByText('Line 1 of message 200')).toBeVisible()
  await log(page).evaluate((el) => el.scrollBy(0, -2_500))
  const composer = page.getByRole('textbox', { name: 'Message #engineering' })
  await composer.fill('Here I am')
  await composer.press('Enter')
  await expect(page.getByText('Here I am')).toBeInViewport()
  await expect(composer).toHaveValue('')
})

test('arrow keys walk the messages', async ({ open }) => {
  const { page } = await open(channel, 1440)
  await expect(page.getByText('Ten minutes.')).toBeVisible()
  await log(page).focus()
  await page.keyboard.press('ArrowUp')
  await expect(page.getByRole('listitem', { name: 'Noor Haddad, 09:05' })).toBeFocused()
  const row = page.getByRole('listitem', { name: 'Noor Haddad, 09:05' })
  await page.keyboard.press('Tab')
  await expect(row.getByRole('button', { name: 'Noor Haddad' })).toBeFocused() // whose card it opens
  await page.keyboard.press('Tab')
  await expect(row.getByRole('button', { name: 'Edit' })).toBeFocused()
})
