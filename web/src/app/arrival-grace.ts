import { useEffect, useState } from 'react'

/** What was made or joined a moment ago reaches the client over the socket: it is given this long to come. */
const GRACE = 3_000

/** Whether something that is missing may still be on its way. Starts anew for each key. */
export function useArrivalGrace(key: string, missing: boolean): boolean {
  const [over, setOver] = useState<string | null>(null)
  // Only a timer, outside React, knows that nothing came.
  useEffect(() => {
    if (!missing) return
    const timer = setTimeout(() => setOver(key), GRACE)
    return () => clearTimeout(timer)
  }, [key, missing])
  return missing && over !== key
}
