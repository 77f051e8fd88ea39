/** What the server tells the client at run time, so that one build serves every installation. */
import * as v from 'valibot'

const schema = v.object({ issuer: v.pipe(v.string(), v.url()), client_id: v.string(), realtime_url: v.string() })

export type Config = v.InferOutput<typeof schema>

/** Reads /config.json. */
export async function loadConfig(fetcher: typeof fetch): Promise<Config> {
  const response = await fetcher('/config.json')
  if (!response.ok) throw new Error(`config.json: ${response.status}`)
  return v.parse(schema, await response.json())
}
