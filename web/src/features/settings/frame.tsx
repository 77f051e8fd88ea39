import { Link } from '@tanstack/react-router'
import { ChevronLeft } from 'lucide-react'
import type { ReactNode } from 'react'
import '@/ui/styles/settings.css'

interface FrameProps {
  title: string
  /** What the way back is called, and where it leads. */
  back: string
  backTo: string
  nav: ReactNode
  children: ReactNode
}

/** The whole screen: sections at the left, the chosen one on the sheet. */
export function Frame({ title, back, backTo, nav, children }: FrameProps) {
  return (
    <div className="settings">
      <aside aria-label={title}>
        <Link to={backTo} className="back" aria-label={back}>
          <ChevronLeft className="size-4" aria-hidden />
          <span className="truncate">{title}</span>
        </Link>
        <nav aria-label={title}>{nav}</nav>
      </aside>
      <main className="sheet">{children}</main>
    </div>
  )
}

interface PaneProps {
  title: ReactNode
  text?: string
  /** Stands beside the title. */
  action?: ReactNode
  children: ReactNode
}

/** One section on the sheet. */
export function Pane({ title, text, action, children }: PaneProps) {
  return (
    <div className="pane">
      <header>
        <h1>{title}</h1>
        {action}
      </header>
      {text !== undefined && <p className="about">{text}</p>}
      {children}
    </div>
  )
}
