import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuthError, discover } from './oidc'
import { Session, type TabChannel } from './session'

const HOME = 'http://127.0.0.1:8080'
const part = (value: object) =>
  btoa(JSON.stringify(value)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')

/** A provider behind fetch: codes and refresh tokens work once, as the real one's do. */
class FakeProvider {
  refreshes = 0
  reused = 0
  down = false
  private nonce = ''
  private valid = 'r0'
  lifetime = 300

  /** What the provider would do at its authorization endpoint: remember the nonce, go back with a code. */
  authorize(url: string, error?: string): URL {
    const asked = new URL(url).searchParams
    this.nonce = asked.get('nonce') ?? ''
    const back = new URL(asked.get('redirect_uri') ?? '')
    back.searchParams.set('state', asked.get('state') ?? '')
    if (error === undefined) back.searchParams.set('code', 'c')
    else back.searchParams.set('error', error)
    return back
  }

  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    if (this.down) throw new TypeError('network')
    const { pathname } = new URL(String(input instanceof Request ? input.url : input))
    if (pathname.startsWith('/.well-known')) {
      const endpoints = {
        authorization_endpoint: `${HOME}/a`,
        token_endpoint: `${HOME}/t`,
        end_session_endpoint: `${HOME}/e`,
      }
      return Response.json({ issuer: HOME, ...endpoints })
    }
    return this.token(new URLSearchParams(String(init?.body)))
  }

  /** Ends the session at the provider: its refresh token is worth nothing. */
  end(): void {
    this.valid = 'none'
  }

  private token(form: URLSearchParams): Response {
    const now = Math.floor(Date.now() / 1000)
    if (form.get('grant_type') === 'refresh_token') {
      if (form.get('refresh_token') !== this.valid) {
        this.reused++
        return Response.json({ error: 'invalid_grant' }, { status: 400 })
      }
      this.refreshes++
    }
    this.valid = `r${this.refreshes}`
    const claims = { iss: HOME, sub: '1', aud: 'beep-web', iat: now, exp: now + 60, nonce: this.nonce }
    const idToken =
      form.get('grant_type') === 'refresh_token' ? {} : { id_token: `${part({ alg: 'RS256' })}.${part(claims)}.e30` }
    const access = {
      access_token: `a${this.refreshes}`,
      token_type: 'Bearer',
      expires_in: this.lifetime,
      refresh_token: this.valid,
    }
    return Response.json({ ...access, ...idToken })
  }
}

/** Tabs of one browser: one storage, one lock, one channel between them. */
class Browser {
  readonly provider = new FakeProvider()
  readonly storage = localStorage
  private readonly ears: { tab: number; fn: (event: { data: unknown }) => void }[] = []
  private lock: Promise<unknown> = Promise.resolve()
  private tabs = 0

  tab() {
    const number = ++this.tabs
    const gone: string[] = []
    const channel: TabChannel = {
      // As between real tabs: later, and not to oneself.
      postMessage: (data) => {
        for (const ear of this.ears)
          if (ear.tab !== number) setTimeout(() => ear.fn({ data: structuredClone(data) }), 1)
      },
      addEventListener: (_, fn) => this.ears.push({ tab: number, fn }),
    }
    const session = new Session({
      provider: () => discover({ issuer: HOME, clientId: 'beep-web', redirectUri: `${HOME}/callback` }),
      browser: this.storage,
      channel,
      exclusively: <T>(work: () => Promise<T>) => {
        const result = this.lock.then(work)
        this.lock = result.catch(() => undefined)
        return result
      },
      go: (url) => gone.push(url),
      home: `${HOME}/`,
      now: Date.now,
    })
    return { session, gone }
  }

  /** A tab in which someone has signed in. */
  async signedIn(returnTo = '/channels/1/2') {
    const tab = this.tab()
    await tab.session.login(returnTo)
    const back = this.provider.authorize(tab.gone[0] ?? '')
    const result = await tab.session.restore(back)
    return { ...tab, result }
  }
}

let browser: Browser
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-24T10:00:00Z') })
  localStorage.clear()
  browser = new Browser()
  vi.stubGlobal('fetch', browser.provider.fetch)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const run = async <T>(work: Promise<T>): Promise<T> => {
  await vi.advanceTimersByTimeAsync(2_000)
  return work
}
const attempts = () => Object.keys({ ...localStorage }).filter((key) => key.startsWith('beep:attempt'))
const callback = (state: string) => new URL(`${HOME}/callback?code=c&state=${state}`)
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  )

describe('signing in', () => {
  it('asks for a code with PKCE and comes back to the deep link', async () => {
    const { session, gone, result } = await browser.signedIn('/invite/tide')
    const asked = new URL(gone[0] ?? '').searchParams
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      client_id: 'beep-web',
    })
    expect(asked.get('code_challenge')).toHaveLength(43)
    expect(result).toEqual({ returnTo: '/invite/tide', error: null })
    expect(session.state).toBe('signed-in')
    expect(await session.token()).toBe('a0')
    expect(attempts()).toEqual([])
  })

  it('keeps no token in any storage', async () => {
    await browser.signedIn()
    const kept = JSON.stringify([...Object.values({ ...localStorage }), ...Object.values({ ...sessionStorage })])
    expect(kept).not.toMatch(/a0|r0/)
  })

  it('that was refused says why and where to go on', async () => {
    const { session, gone } = browser.tab()
    await session.login('/channels/1')
    const back = browser.provider.authorize(gone[0] ?? '', 'access_denied')
    expect(await session.restore(back)).toEqual({ returnTo: '/channels/1', error: 'access_denied' })
    expect(session.state).toBe('signed-out')
  })

  it('with a state of someone else is refused', async () => {
    const { session, gone } = browser.tab()
    await session.login('/')
    const back = browser.provider.authorize(gone[0] ?? '')
    back.searchParams.set('state', 'forged')
    expect(await run(session.restore(back))).toMatchObject({ error: 'no_attempt' })
    expect(session.state).toBe('signed-out')
  })

  it.each(['https://evil.example/', '//evil.example', '/\\evil.example', ''])(
    'never returns to %s',
    async (returnTo) => {
      const { session, gone } = browser.tab()
      await session.login(returnTo)
      expect(await run(session.restore(browser.provider.authorize(gone[0] ?? '')))).toEqual({
        returnTo: '/',
        error: 'no_attempt',
      })
    },
  )

  it('ends in whichever tab its callback opens in', async () => {
    const started = browser.tab()
    await started.session.login('/invite/tide')
    const back = browser.provider.authorize(started.gone[0] ?? '')
    const opened = browser.tab()
    expect(await opened.session.restore(back)).toEqual({ returnTo: '/invite/tide', error: null })
    expect(opened.session.state).toBe('signed-in')
    expect(attempts()).toEqual([])
  })

  it('started in two tabs at once goes on in both', async () => {
    const [one, two] = [browser.tab(), browser.tab()]
    await one.session.login('/channels/1')
    await two.session.login('/channels/2')
    const second = await two.session.restore(browser.provider.authorize(two.gone[0] ?? ''))
    const first = await one.session.restore(browser.provider.authorize(one.gone[0] ?? ''))
    expect([first, second]).toEqual([
      { returnTo: '/channels/1', error: null },
      { returnTo: '/channels/2', error: null },
    ])
  })

  it('without an attempt is refused', async () => {
    const { session } = browser.tab()
    expect(await run(session.restore(callback('s')))).toEqual({ returnTo: '/', error: 'no_attempt' })
    localStorage.setItem('beep:attempt:s', 'damaged')
    expect(await run(session.restore(callback('s')))).toMatchObject({ error: 'no_attempt' })
    expect(attempts()).toEqual([])
  })

  it('works once', async () => {
    const { session, gone } = browser.tab()
    await session.login('/channels/1')
    const back = browser.provider.authorize(gone[0] ?? '', 'access_denied')
    expect(await session.restore(back)).toMatchObject({ error: 'access_denied' })
    expect(await run(session.restore(back))).toMatchObject({ error: 'no_attempt' })
  })

  it('whose callback is opened again stays with who is signed in beside it', async () => {
    const { gone } = await browser.signedIn()
    const again = browser.tab()
    const back = browser.provider.authorize(gone[0] ?? '')
    expect(await run(again.session.restore(back))).toEqual({ returnTo: '/', error: null })
    expect(again.session.state).toBe('signed-in')
  })

  it.each([
    ['half an hour', 30 * 60_000, null],
    ['longer', 30 * 60_000 + 1, 'no_attempt'],
    ['on a clock that was set back', -30 * 60_000 - 1, 'no_attempt'],
  ])('may take %s', async (_, wait, error) => {
    const { session, gone } = browser.tab()
    await session.login('/channels/1')
    vi.setSystemTime(Date.now() + wait)
    const back = browser.provider.authorize(gone[0] ?? '')
    expect(await run(session.restore(back))).toMatchObject({ error })
  })

  it('leaves at most ten attempts behind, the newest', async () => {
    const { session, gone } = browser.tab()
    for (let i = 0; i < 12; i++) {
      await session.login(`/channels/${i}`)
      vi.advanceTimersByTime(1)
    }
    const states = gone.map((url) => `beep:attempt:${new URL(url).searchParams.get('state')}`)
    expect(attempts().toSorted()).toEqual(states.slice(2).toSorted())
  })

  it('for an account action names it', async () => {
    const { session, gone } = await browser.signedIn()
    await session.action('UPDATE_PASSWORD', '/')
    expect(new URL(gone[1] ?? '').searchParams.get('kc_action')).toBe('UPDATE_PASSWORD')
  })
})

describe('opening a page', () => {
  it('as a stranger stays signed out', async () => {
    const { session, gone } = browser.tab()
    expect(await run(session.restore(new URL(`${HOME}/channels/1`)))).toBeNull()
    expect(session.state).toBe('signed-out')
    expect(gone).toEqual([])
  })

  it('beside a signed-in tab takes its tokens without a redirect', async () => {
    await browser.signedIn()
    const { session, gone } = browser.tab()
    expect(await run(session.restore(new URL(`${HOME}/`)))).toBeNull()
    expect(session.state).toBe('signed-in')
    expect(gone).toEqual([])
    expect(await session.token()).toBe('a0')
  })

  it('again after a reload asks the provider without a question, and keeps the address', async () => {
    await browser.signedIn()
    const alone = new Browser()
    const { session, gone } = alone.tab()
    expect(await run(session.restore(new URL(`${HOME}/channels/1/2?x=1#y`)))).toBe('leaving')
    expect(new URL(gone[0] ?? '').searchParams.get('prompt')).toBe('none')
    const back = alone.provider.authorize(gone[0] ?? '', 'login_required')
    expect(await session.restore(back)).toEqual({ returnTo: '/channels/1/2?x=1#y', error: null })
    expect(session.state).toBe('signed-out')
    // And does not ask again: the flag is gone.
    const next = alone.tab()
    expect(await run(next.session.restore(new URL(`${HOME}/`)))).toBeNull()
    expect(next.gone).toEqual([])
  })
})

describe('tokens', () => {
  it('are renewed before they end, once for all who ask', async () => {
    const { session } = await browser.signedIn()
    vi.advanceTimersByTime(280_000)
    const all = await run(Promise.all([session.token(), session.token(), session.token()]))
    expect(new Set(all)).toEqual(new Set(['a1']))
    expect(browser.provider.refreshes).toBe(1)
  })

  it('are renewed once over all tabs', async () => {
    const first = await browser.signedIn()
    const second = browser.tab()
    await run(second.session.restore(new URL(`${HOME}/`)))
    vi.advanceTimersByTime(280_000)
    const tabs = [first.session, second.session]
    const all = await run(Promise.all([...tabs, ...tabs, ...tabs].map((session) => session.token())))
    expect(new Set(all)).toEqual(new Set(['a1']))
    expect(browser.provider).toMatchObject({ refreshes: 1, reused: 0 })
  })

  it('of short life are renewed late enough to be used', async () => {
    browser.provider.lifetime = 10
    const { session } = await browser.signedIn()
    vi.advanceTimersByTime(7_000)
    expect(await session.token()).toBe('a0')
    vi.advanceTimersByTime(2_000)
    expect(await run(session.token())).toBe('a1')
  })

  it('refused by the server are replaced on demand', async () => {
    const { session } = await browser.signedIn()
    expect(await run(session.token(true))).toBe('a1')
  })

  it('lost with the network are not lost for good', async () => {
    const { session } = await browser.signedIn()
    browser.provider.down = true
    expect(await run(refusal(session.token(true)))).toBeInstanceOf(TypeError)
    expect(session.state).toBe('signed-in')
    browser.provider.down = false
    expect(await run(session.token(true))).toBe('a1')
  })

  it('that the provider refuses sign out', async () => {
    const other = await browser.signedIn()
    const changed = vi.fn()
    const stop = other.session.subscribe(changed)
    browser.provider.end()
    expect(await run(refusal(other.session.token(true)))).toBeInstanceOf(AuthError)
    expect(other.session.state).toBe('signed-out')
    expect(changed).toHaveBeenCalledTimes(1)
    expect(await refusal(other.session.token())).toMatchObject({ code: 'signed_out' })
    stop()
  })
})

describe('signing out', () => {
  it('ends every tab and goes to the provider', async () => {
    const first = await browser.signedIn()
    const second = browser.tab()
    await run(second.session.restore(new URL(`${HOME}/`)))
    await run(first.session.logout())
    expect([first.session.state, second.session.state]).toEqual(['signed-out', 'signed-out'])
    const end = new URL(first.gone.at(-1) ?? '')
    expect(end.pathname).toBe('/e')
    expect(end.searchParams.get('post_logout_redirect_uri')).toBe(`${HOME}/`)
    expect(end.searchParams.get('id_token_hint')).toContain('.')
    expect(localStorage.getItem('beep:signed-in')).toBeNull()
  })

  it('forgets the sign-ins on their way', async () => {
    const { session } = await browser.signedIn()
    await browser.tab().session.login('/')
    await run(session.logout())
    expect(attempts()).toEqual([])
  })

  it('works when the provider does not answer', async () => {
    const { session, gone } = await browser.signedIn()
    browser.provider.down = true
    await run(session.logout())
    expect(gone.at(-1)).toBe(`${HOME}/`)
  })
})

describe('discovery', () => {
  it('takes plain http from loopback only', async () => {
    const config = { issuer: 'http://chat.example', clientId: 'beep-web', redirectUri: `${HOME}/callback` }
    expect(await refusal(discover(config))).toBeInstanceOf(Error)
  })
})
