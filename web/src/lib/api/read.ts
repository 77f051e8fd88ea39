/** How answers are taken: parsed, and a Problem where there is none. */
import type { Client } from 'openapi-fetch'
import * as v from 'valibot'
import { asProblem, Problem } from './problem'
import type { paths } from './schema.gen'

export type ApiClient = Client<paths>

type Call = Promise<{ data?: unknown }>

/** Waits for a change of which nothing is read. */
export async function done(call: Call): Promise<unknown> {
  const { data } = await call.catch((error: unknown) => {
    throw asProblem(error)
  })
  return data
}

/** Reads an answer. */
export async function read<T extends v.GenericSchema>(schema: T, call: Call): Promise<v.InferOutput<T>> {
  const parsed = v.safeParse(schema, await done(call))
  if (parsed.success) return parsed.output
  // An answer that is not what the contract says: the outcome is unknown, as if none had come.
  throw new Problem('invalid_answer', 0, parsed.issues[0].message)
}

/** A reason for the audit log, left out when there is none. */
export const because = (reason: string): { reason?: string } => (reason.trim() === '' ? {} : { reason: reason.trim() })
