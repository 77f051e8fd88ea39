/** What was written and not acknowledged: over a reload, a closed tab and an outage, it is sent, and sent once. */
import { expect, type Person, test } from '../support/person'

/** Two people in one server, both looking at its first channel. */
async function two(person: (name: string) => Promise<Person>): Promise<[Person, Person]> {
  const ada = await (await person('ada')).arrive()
  await ada.createServer('Lighthouse')
  const bo = await (await person('bo')).follow(await ada.invitation(), 'Lighthouse')
  return [ada, bo]
}

const keptBy = ({ page }: Person) =>
  page.evaluate(() => Object.keys({ ...localStorage }).filter((key) => key.startsWith('beep:outbox:')))

test('a message written offline survives the reload, and is there once', async ({ person }) => {
  const [ada, bo] = await two(person)
  const url = ada.page.url()

  await ada.context.setOffline(true)
  await ada.say('Written on the ferry')
  await ada.say('And a second one')
  await expect(ada.log.getByText('And a second one')).toBeVisible()
  await expect(ada.said('Written on the ferry')).toHaveCount(0)
  await expect.poll(() => keptBy(ada)).toHaveLength(2)

  await expect(ada.page.reload()).rejects.toThrow()
  await ada.context.setOffline(false)
  await ada.page.goto(url)
  for (const one of [ada, bo]) {
    await one.sees('Written on the ferry')
    await one.sees('And a second one')
    await expect(one.log.locator('[data-id]')).toHaveText([/Written on the ferry/, /And a second one/])
  }
  await expect.poll(() => keptBy(ada)).toEqual([])
})

test('a message that its tab could not send is sent by the next one, after a power cut', async ({ beep, person }) => {
  const [ada, bo] = await two(person)
  const url = ada.page.url()
  await beep.kill()
  await ada.say('Written in the dark')
  await expect(ada.log.getByText('Written in the dark')).toBeVisible()
  await ada.page.close()
  await beep.run()

  const next = await ada.context.newPage()
  await next.goto(url)
  const said = next.getByRole('log').locator('li[data-id]').filter({ hasText: 'Written in the dark' })
  await expect(said).toHaveCount(1)
  await expect(bo.page.getByText('Connecting again.')).toHaveCount(0, { timeout: 45_000 })
  await bo.sees('Written in the dark')
})
