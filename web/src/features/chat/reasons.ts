/** Why a change had no effect, in words: switched on the problem's stable code. */
import type { MessageId } from '@/i18n/use-t'
import type { Problem } from '@/lib/api/problem'

const reasons: Record<string, MessageId> = {
  forbidden: 'reason.forbidden',
  channel_not_found: 'reason.channel_gone',
  message_not_found: 'reason.message_gone',
  message_too_long: 'reason.too_long',
  message_empty: 'reason.empty',
  rate_limited: 'reason.too_fast',
  unauthenticated: 'reason.signed_out',
  invalid_token: 'reason.signed_out',
}

/** The catalogue's id of the reason. */
export function reasonOf(problem: Problem | null): MessageId {
  if (problem === null || problem.unknownOutcome) return 'reason.connection'
  return reasons[problem.code] ?? 'reason.refused'
}
