/**
 * The OpenID Connect requests of a public client: authorization code with PKCE (S256). Nothing here keeps
 * state; Session does. Everything that a provider may refuse comes out as AuthError.
 */
import * as oauth from 'oauth4webapi'

export interface OidcConfig {
  issuer: string
  clientId: string
  redirectUri: string
}

/** What a sign-in or a refresh yields. */
export interface Tokens {
  access: string
  refresh: string | null
  /** For the provider at sign-out, so that it need not ask. */
  idToken: string | null
  /** When it ends, in the clock of this browser, milliseconds. */
  expiresAt: number
  /** When to get the next one, so that no request meets an expired token. */
  renewAt: number
}

/** What must be remembered while the person is at the provider. */
export interface Attempt {
  state: string
  verifier: string
  nonce: string
  /** Where to go afterwards: a path of ours. */
  returnTo: string
}

/** A refusal by the provider, with its OAuth code such as "login_required". */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: string
  constructor(code: string, detail = '') {
    super(detail || code)
    this.code = code
  }
}

/** The endpoints, read once; plain http is for loopback only. */
export interface Provider {
  readonly server: oauth.AuthorizationServer
  readonly client: oauth.Client
  readonly redirectUri: string
  readonly insecure: boolean
}

const isLoopback = (url: URL) => ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)

/** Reads what the provider says of itself. */
export async function discover(config: OidcConfig): Promise<Provider> {
  const issuer = new URL(config.issuer)
  const insecure = issuer.protocol === 'http:' && isLoopback(issuer)
  const response = await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: insecure })
  const server = await oauth.processDiscoveryResponse(issuer, response)
  return { server, client: { client_id: config.clientId }, redirectUri: config.redirectUri, insecure }
}

/** Starts an attempt: where to send the person, and what to remember meanwhile. */
export async function authorize(
  provider: Provider,
  returnTo: string,
  extra: Record<string, string> = {},
): Promise<{ url: string; attempt: Attempt }> {
  const endpoint = provider.server.authorization_endpoint
  if (endpoint === undefined) throw new AuthError('no_authorization_endpoint')
  const attempt: Attempt = {
    state: oauth.generateRandomState(),
    verifier: oauth.generateRandomCodeVerifier(),
    nonce: oauth.generateRandomNonce(),
    returnTo,
  }
  const url = new URL(endpoint)
  const parameters = {
    client_id: provider.client.client_id,
    redirect_uri: provider.redirectUri,
    response_type: 'code',
    scope: 'openid profile email offline_access',
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(attempt.verifier),
    code_challenge_method: 'S256',
    ...extra,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { url: url.href, attempt }
}

/** Trades the code in the callback's address for tokens. */
export async function exchange(provider: Provider, attempt: Attempt, callback: URL, now: number): Promise<Tokens> {
  return refusals(async () => {
    const parameters = oauth.validateAuthResponse(provider.server, provider.client, callback, attempt.state)
    const response = await oauth.authorizationCodeGrantRequest(
      provider.server,
      provider.client,
      oauth.None(),
      parameters,
      provider.redirectUri,
      attempt.verifier,
      { [oauth.allowInsecureRequests]: provider.insecure },
    )
    const answer = await oauth.processAuthorizationCodeResponse(provider.server, provider.client, response, {
      expectedNonce: attempt.nonce,
      requireIdToken: true,
    })
    return tokensOf(answer, null, now)
  })
}

/** Trades a refresh token for new tokens; the old one is worth nothing afterwards. */
export async function refresh(provider: Provider, tokens: Tokens, now: number): Promise<Tokens> {
  const current = tokens.refresh
  if (current === null) throw new AuthError('no_refresh_token')
  return refusals(async () => {
    const response = await oauth.refreshTokenGrantRequest(provider.server, provider.client, oauth.None(), current, {
      [oauth.allowInsecureRequests]: provider.insecure,
    })
    return tokensOf(await oauth.processRefreshTokenResponse(provider.server, provider.client, response), tokens, now)
  })
}

/** Where to send the person to sign out at the provider too. */
export function endSession(provider: Provider, idToken: string | null, returnTo: string): string | null {
  const endpoint = provider.server.end_session_endpoint
  if (endpoint === undefined) return null
  const url = new URL(endpoint)
  url.searchParams.set('client_id', provider.client.client_id)
  url.searchParams.set('post_logout_redirect_uri', returnTo)
  if (idToken !== null) url.searchParams.set('id_token_hint', idToken)
  return url.href
}

const DEFAULT_LIFETIME = 60
const MARGIN = 30_000

function tokensOf(answer: oauth.TokenEndpointResponse, before: Tokens | null, now: number): Tokens {
  const lifetime = (answer.expires_in ?? DEFAULT_LIFETIME) * 1000
  return {
    access: answer.access_token,
    refresh: answer.refresh_token ?? before?.refresh ?? null,
    idToken: answer.id_token ?? before?.idToken ?? null,
    expiresAt: now + lifetime,
    renewAt: now + lifetime - Math.min(MARGIN, lifetime / 5),
  }
}

async function refusals<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError) {
      throw new AuthError(error.error, error.error_description)
    }
    throw error
  }
}
