/** Refusals of the API as values: problem+json (RFC 9457), switched on by its stable code. */
import * as v from 'valibot'

const body = v.object({
  code: v.optional(v.string(), 'internal'),
  detail: v.optional(v.string(), ''),
  title: v.optional(v.string(), ''),
  trace_id: v.optional(v.string(), ''),
})

/** Why a request had no effect, or may have had one: see unknownOutcome. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: string
  /** The HTTP status; 0 when no answer came. */
  readonly status: number
  /** Seconds to wait before trying again; 0 if the server named none. */
  readonly retryAfter: number
  readonly traceId: string

  constructor(code: string, status: number, detail = '', retryAfter = 0, traceId = '') {
    super(detail || code)
    this.code = code
    this.status = status
    this.retryAfter = retryAfter
    this.traceId = traceId
  }

  /** Whether the change may have happened all the same: only a repeat with the same nonce tells. */
  get unknownOutcome(): boolean {
    return this.status === 0 || this.status === 500 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

/** The code of a request that got no answer. */
export const CODE_NETWORK = 'network'

/** Reads the refusal in a response, whatever stands in its body. */
export async function problemOf(response: Response): Promise<Problem> {
  const raw: unknown = await response.json().catch(() => ({}))
  const parsed = v.safeParse(body, raw)
  const fallback = { code: response.status === 503 ? 'unavailable' : 'internal', detail: '', title: '', trace_id: '' }
  const { code, detail, title, trace_id } = parsed.success ? parsed.output : fallback
  const seconds = Number(response.headers.get('Retry-After') ?? 0)
  return new Problem(code, response.status, detail || title, Number.isFinite(seconds) ? seconds : 0, trace_id)
}

/** Turns anything thrown into a Problem: what is not one is a lost connection. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(CODE_NETWORK, 0, error instanceof Error ? error.message : '')
}
