import { describe, expect, it } from 'vitest'
import en from '@/i18n/en.json'
import fr from '@/i18n/fr.json'
import { createApi } from './api/client'
import { asProblem, CODE_NETWORK, Problem, problemOf } from './api/problem'
import { browserLanguage, i18n, speak } from './i18n/i18n'
import { clock, day, full } from './time/format'
import { compareIds, newNonce } from './wire/ids'

describe('ids', () => {
  it('compare as numbers of any length', () => {
    const sorted = ['9', '10', '1581000000000000002', '1581000000000000010'].toReversed().sort(compareIds)
    expect(sorted).toEqual(['9', '10', '1581000000000000002', '1581000000000000010'])
    expect(compareIds('7', '7')).toBe(0)
  })

  it('nonces fit the contract and do not repeat', () => {
    const nonces = Array.from({ length: 1_000 }, newNonce)
    expect(new Set(nonces).size).toBe(1_000)
    for (const nonce of nonces) expect(nonce).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })
})

describe('problems', () => {
  const json = (status: number, body: object, headers = {}) => Response.json(body, { status, headers })

  it('carry code, wait and trace', async () => {
    const problem = await problemOf(
      json(429, { code: 'rate_limited', detail: 'slow down', trace_id: 't' }, { 'Retry-After': '7' }),
    )
    expect(problem).toMatchObject({
      code: 'rate_limited',
      status: 429,
      retryAfter: 7,
      traceId: 't',
      message: 'slow down',
    })
    expect(problem.unknownOutcome).toBe(false)
  })

  it('without a readable body are told by their status', async () => {
    expect(await problemOf(new Response('<html>', { status: 503 }))).toMatchObject({
      code: 'internal',
      unknownOutcome: true,
    })
    expect(await problemOf(json(503, { code: 4 }))).toMatchObject({ code: 'unavailable' })
    expect(
      await problemOf(json(403, { code: 'forbidden', title: 'Forbidden' }, { 'Retry-After': 'soon' })),
    ).toMatchObject({ message: 'Forbidden', retryAfter: 0 })
  })

  it('are what anything else thrown becomes: a lost connection', () => {
    expect(asProblem(new TypeError('failed'))).toMatchObject({ code: CODE_NETWORK, status: 0, unknownOutcome: true })
    expect(asProblem('text').code).toBe(CODE_NETWORK)
    const problem = new Problem('forbidden', 403)
    expect(asProblem(problem)).toBe(problem)
  })
})

describe('requests', () => {
  const over = (answers: (() => Response)[], tokens: (string | null)[]) => {
    const seen: Request[] = []
    const api = createApi({
      origin: 'https://beep.example',
      token: async () => tokens.shift() ?? null,
      fetch: async (request) => {
        seen.push(request.clone())
        const answer = answers.shift()
        if (answer === undefined) throw new TypeError('network')
        return answer()
      },
    })
    return { api, seen }
  }
  const message = { id: '1', channel_id: '2' }

  it('whose token was refused are sent once more with another, body included', async () => {
    const { api, seen } = over(
      [() => Response.json({ code: 'invalid_token' }, { status: 401 }), () => Response.json(message)],
      ['old', 'new'],
    )
    await api.sendMessage('2', 'text', 'n')
    expect(seen.map((request) => request.headers.get('Authorization'))).toEqual(['Bearer old', 'Bearer new'])
    expect(await seen[1]?.json()).toEqual({ content: 'text', nonce: 'n' })
  })

  it('of the signed out carry no token and are not repeated', async () => {
    const { api, seen } = over([() => Response.json({ code: 'unauthenticated' }, { status: 401 })], [])
    await expect(api.invitation('x')).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(seen).toHaveLength(1)
    expect(seen[0]?.headers.has('Authorization')).toBe(false)
  })

  it('that get no answer, or not the contract’s, have an unknown outcome', async () => {
    await expect(over([], []).api.limits()).rejects.toMatchObject({ unknownOutcome: true, code: CODE_NETWORK })
    await expect(over([() => Response.json({ id: 5 })], []).api.sendMessage('2', 'x', 'n')).rejects.toMatchObject({
      code: 'invalid_answer',
      unknownOutcome: true,
    })
    await expect(over([() => new Response('{', { status: 200 })], []).api.limits()).rejects.toMatchObject({
      unknownOutcome: true,
    })
  })
})

describe('languages', () => {
  it('are the first that we speak', () => {
    expect(browserLanguage(['de', 'fr-CA', 'en'])).toBe('fr')
    expect(browserLanguage(['EN-us'])).toBe('en')
    expect(browserLanguage(['de'])).toBe('en')
  })

  it('say the same things with the same values', () => {
    expect(Object.keys(fr)).toEqual(Object.keys(en))
    const values = (message: unknown): string[] => {
      const names: string[] = []
      JSON.stringify(message, (key, inner) => {
        // The message itself is a list too; a value in it is a list of its own.
        if (
          key !== '' &&
          Array.isArray(inner) &&
          typeof inner[0] === 'string' &&
          inner.length < 4 &&
          /^[a-z]+$/.test(inner[0])
        )
          names.push(inner[0])
        return inner
      })
      return [...new Set(names)].sort()
    }
    for (const id of Object.keys(en) as (keyof typeof en)[]) expect(values(fr[id]), id).toEqual(values(en[id]))
  })

  it('change without a reload, plurals included', async () => {
    await speak('fr')
    expect(i18n._('composer.left', { count: 0 })).toBe('0 caractère restant')
    await speak('en')
    expect(i18n._('composer.left', { count: 0 })).toBe('0 characters left')
    expect(i18n._('composer.left', { count: 1 })).toBe('1 character left')
  })
})

describe('dates', () => {
  const at = (...parts: [number, number, number, number, number]) => new Date(...parts).getTime()
  const now = at(2026, 10, 24, 0, 5)

  it('are today, yesterday, or a day; with a year only when it is another', () => {
    expect(day('en', at(2026, 10, 24, 0, 1), now)).toBe('Today')
    expect(day('en', at(2026, 10, 23, 23, 59), now)).toBe('Yesterday')
    expect(day('en', at(2026, 10, 21, 12, 0), now)).toBe('Saturday, 21 November')
    expect(day('en', at(2025, 10, 21, 12, 0), now)).toBe('Friday, 21 November 2025')
    expect(day('fr', at(2026, 10, 23, 12, 0), now)).toBe('Hier')
    expect(day('fr', at(2026, 10, 21, 12, 0), now)).toBe('samedi 21 novembre')
  })

  it('count days, not hours, over a change of clocks', () => {
    expect(day('en', at(2026, 2, 28, 23, 30), at(2026, 2, 29, 23, 0))).toBe('Yesterday')
  })

  it('have clocks', () => {
    expect(clock('en', now)).toBe('00:05')
    expect(full('en', now)).toContain('24 November 2026')
  })
})
