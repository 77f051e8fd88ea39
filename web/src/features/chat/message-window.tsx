import { ArrowDown } from 'lucide-react'
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { useEngine, useSelect, useServices } from '@/store/hooks'
import { rowsOf } from '@/store/rows'
import { pendingOf } from '@/store/selectors'
import type { Pending } from '@/store/state'
import { atStart, type ChannelWindow } from '@/store/window'
import { Skeleton } from '@/ui/skeleton'
import { Beginning } from './beginning'
import { EdgeError } from './edge-error'
import { LiveWords } from './live-words'
import { RowList } from './row-list'
import { Scroller } from './scroller'
import { around, boundsOf, following, newer, older, type Stretch } from './stretch'

interface MessageWindowProps {
  channelId: string
  channelName: string
  /** A message to jump to, from the address. */
  targetId: string | null
  editing: string | null
  onEdit(messageId: string | null): void
  /** Leaves the target in the address. */
  onLeaveTarget(): void
}

/** A channel's messages. Mounted anew for each channel, so all that it remembers is of one. */
export function MessageWindow(props: MessageWindowProps) {
  const { channelId, channelName } = props
  const { t } = useT()
  const window = useSelect((state) => state.windows[channelId])
  if (window === undefined || !window.loaded) {
    return (
      <div className="log flex flex-col justify-end">
        <Skeleton label={t('messages.loading', { channel: channelName })} rows={6} />
      </div>
    )
  }
  return <LoadedWindow {...props} window={window} />
}

interface LoadedProps extends MessageWindowProps {
  window: ChannelWindow
}

function LoadedWindow({ channelId, channelName, targetId, editing, onEdit, onLeaveTarget, window }: LoadedProps) {
  const { t } = useT()
  const engine = useEngine()
  const pending = useSelect((state) => pendingOf(state, channelId))
  const newAfter = useSelect((state) => state.viewing?.newAfter ?? null)
  const me = useSelect((state) => state.me?.id ?? '')
  const list = useStretch(channelId, window)
  const { stretch, atBottom, view } = list
  const { from, to } = boundsOf(stretch, window.ids)
  const rows = rowsOf({ window, from, to, pending, newAfter, me })
  const start = from === 0 && atStart(window)

  useTarget(channelId, targetId, window, list)
  useMarkRead(channelId, window.n, atBottom)
  useFollowOwn(pending, () => present())

  const present = () => {
    onLeaveTarget()
    if (window.atEnd) list.follow()
    else void engine.loadNewest(channelId).then(list.follow)
  }
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={view}
        className="log"
        role="log"
        aria-live="off"
        aria-label={t('messages.label', { channel: channelName })}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={list.onScroll}
        onKeyDown={walk}
      >
        <div className="fill">
          {start && <Beginning channelName={channelName} empty={rows.length === 0} />}
          {list.failed === 'older' && <EdgeError onRetry={list.retry} />}
          <RowList rows={rows} channelId={channelId} editing={editing} targetId={targetId} onEdit={onEdit} />
          {list.failed === 'newer' && <EdgeError onRetry={list.retry} />}
        </div>
      </div>
      {!atBottom && (
        <button type="button" className="jump" onClick={present}>
          <ArrowDown className="size-4" aria-hidden />
          {list.missed > 0 ? t('messages.present_new', { count: list.missed }) : t('messages.present')}
        </button>
      )}
      <LiveWords channelId={channelId} />
    </div>
  )
}

interface List {
  stretch: Stretch
  atBottom: boolean
  /** Messages that came while the reader was elsewhere. */
  missed: number
  failed: 'older' | 'newer' | null
  view: React.RefObject<HTMLDivElement | null>
  onScroll(): void
  retry(): void
  follow(): void
  show(id: string): boolean
}

/** The stretch on screen, the reader's place in it, and the loading of what lies beyond its edges. */
function useStretch(channelId: string, window: ChannelWindow): List {
  const engine = useEngine()
  const { scrollMemory } = useServices()
  const view = useRef<HTMLDivElement>(null)
  const scroller = useRef<Scroller | null>(null)
  const busy = useRef(false)
  const [held, setHeld] = useState(() => {
    const place = scrollMemory.placeOf(channelId)
    return { generation: window.generation, stretch: place === null ? following : around(window.ids, place.id) }
  })
  const [seen, setSeen] = useState<{ atBottom: boolean; n: number }>({
    atBottom: held.stretch.bottom === null,
    n: window.n,
  })
  const [failed, setFailed] = useState<'older' | 'newer' | null>(null)
  // Another generation is another window: what was held of the old one says nothing.
  const stretch = held.generation === window.generation ? held.stretch : following
  const { from, to } = boundsOf(stretch, window.ids)
  const complete = window.atEnd && to === window.ids.length

  const hold = (next: Stretch) => setHeld({ generation: window.generation, stretch: next })

  const load = (edge: 'older' | 'newer') => {
    if (busy.current || failed !== null) return
    busy.current = true
    engine
      .loadEdge(channelId, edge)
      .catch(() => setFailed(edge))
      .finally(() => {
        busy.current = false
      })
  }

  const settle = () => {
    const place = scroller.current
    if (place === null) return
    place.note(complete)
    if (place.atBottom !== seen.atBottom || (place.atBottom && seen.n !== window.n))
      setSeen({ atBottom: place.atBottom, n: window.n })
    if (place.atBottom && stretch.bottom !== null) hold({ top: stretch.top, bottom: null })
    // At the bottom nothing is cut below; elsewhere the last row is fixed, so that live ones cut nothing above.
    if (!place.atBottom && stretch.bottom === null && to > 0)
      hold({ top: window.ids[from] ?? null, bottom: window.ids[to - 1] ?? null })
    else if (place.nearTop && from > 0) hold(older(stretch, window.ids))
    else if (!place.atBottom && place.nearBottom && to < window.ids.length) hold(newer(stretch, window.ids))
    else if (place.nearTop && from === 0 && !atStart(window)) load('older')
    else if (place.nearBottom && !window.atEnd) load('newer')
  }

  // After every commit: rows came, went or grew, and the reader must not feel it.
  useLayoutEffect(() => {
    const element = view.current
    if (element === null) return
    scroller.current ??= new Scroller(element, scrollMemory.placeOf(channelId))
    scroller.current.restore()
    settle()
  })
  // What React does not see: fonts arrive, the composer grows, the keyboard of a phone opens.
  useEffect(() => {
    const element = view.current
    const inside = element?.firstElementChild
    if (!element || !inside) return
    const observer = new ResizeObserver(() => scroller.current?.restore())
    observer.observe(element)
    observer.observe(inside)
    return () => {
      observer.disconnect()
      scrollMemory.keep(channelId, scroller.current?.place ?? null)
    }
  }, [channelId, scrollMemory])

  return {
    stretch,
    atBottom: seen.atBottom,
    missed: Math.max(0, window.n - seen.n),
    failed,
    view,
    onScroll: settle,
    retry: () => setFailed(null),
    follow: () => {
      setHeld({ generation: window.generation, stretch: following })
      scroller.current?.toBottom()
    },
    show: (id) => {
      if (scroller.current?.toRow(id)) return true
      if (window.ids.includes(id)) hold(around(window.ids, id))
      return false
    },
  }
}

/** Goes to the message that the address names, loading around it when it is not here. Once per target. */
function useTarget(channelId: string, targetId: string | null, window: ChannelWindow, list: List) {
  const engine = useEngine()
  const { stage } = useServices()
  const { t } = useT()
  const reached = useRef<string | null>(null)
  const asked = useRef<string | null>(null)
  useLayoutEffect(() => {
    if (targetId === null) {
      reached.current = null
      asked.current = null
      return
    }
    if (reached.current === targetId) return
    if (list.show(targetId)) {
      reached.current = targetId
    } else if (!window.ids.includes(targetId) && asked.current !== targetId) {
      asked.current = targetId
      engine.loadAround(channelId, targetId).catch(() => stage.getState().toast(t('messages.not_found'), 'danger'))
    }
  })
}

/** Whoever sends goes to the end, where the message appears. */
function useFollowOwn(pending: readonly Pending[], present: () => void) {
  const newest = pending.findLast((change) => change.kind === 'create')?.nonce ?? null
  const last = useRef(newest)
  useLayoutEffect(() => {
    const sent = newest !== null && newest !== last.current
    last.current = newest
    if (sent) present()
  })
}

/** What the reader has in view at the bottom of a visible page counts as read. */
function useMarkRead(channelId: string, n: number, atBottom: boolean) {
  const engine = useEngine()
  useEffect(() => {
    const mark = () => {
      if (n > 0 && atBottom && document.visibilityState === 'visible') engine.markRead(channelId)
    }
    mark()
    document.addEventListener('visibilitychange', mark)
    return () => document.removeEventListener('visibilitychange', mark)
  }, [engine, channelId, n, atBottom])
}

/** Arrow keys walk the messages once one has the focus; the log itself scrolls by them as usual. */
function walk(event: KeyboardEvent<HTMLElement>) {
  if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return
  if (!(event.target instanceof HTMLElement) || event.target instanceof HTMLTextAreaElement) return
  const row = event.target.closest<HTMLElement>('.msg')
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('.msg')]
  const at = row === null ? rows.length : rows.indexOf(row)
  const next = rows[event.key === 'ArrowUp' ? at - 1 : at + 1]
  if (next === undefined || (row === null && event.key === 'ArrowDown')) return
  event.preventDefault()
  next.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
}
