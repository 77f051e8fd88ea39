import { Check, TriangleAlert, Wifi } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect, useServices } from '@/store/hooks'
import { Banner } from '@/ui/banner'
import { Button } from '@/ui/button'

/** A loss shorter than this is nobody's business. */
const SHOW_AFTER = 1_000
const OFFLINE_AFTER = 30_000
const BACK_FOR = 2_500

/** Tells when the connection is away, for how long, and that it is back. */
export function ConnectionBanner() {
  const { t } = useT()
  const { realtime } = useServices()
  const online = useSelect((state) => state.phase === 'online')
  const seconds = useAway(online)
  if (seconds === 'back') {
    return (
      <Banner look="success" icon={<Check className="size-4" aria-hidden />}>
        {t('connection.back')}
      </Banner>
    )
  }
  if (seconds === null) return null
  if (seconds * 1000 < OFFLINE_AFTER) {
    return (
      <Banner look="warning" icon={<Wifi className="size-4" aria-hidden />}>
        {t('connection.again')}
      </Banner>
    )
  }
  const minutes = Math.max(1, Math.floor(seconds / 60))
  return (
    <Banner look="danger" icon={<TriangleAlert className="size-4" aria-hidden />}>
      <span className="flex-1">{t('connection.offline', { minutes })}</span>
      <Button size="small" look="bare" onClick={() => realtime.nudge()}>
        {t('connection.now')}
      </Button>
    </Banner>
  )
}

/** Seconds since the loss once it is worth telling, "back" for a moment after its end, else null. */
function useAway(online: boolean): number | 'back' | null {
  const [away, setAway] = useState<number | 'back' | null>(null)
  // A timer is outside React, and only a timer knows that time has passed.
  useEffect(() => {
    if (online) {
      setAway((before) => (typeof before === 'number' ? 'back' : null))
      const timer = setTimeout(() => setAway(null), BACK_FOR)
      return () => clearTimeout(timer)
    }
    const since = Date.now()
    const timer = setInterval(() => setAway((Date.now() - since) / 1000), SHOW_AFTER)
    return () => clearInterval(timer)
  }, [online])
  return away
}
