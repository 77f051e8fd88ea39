import type { CSSProperties, ReactNode } from 'react'
import { inkOf } from './color'

interface ColoredProps {
  /** 0xRRGGBB; 0 is the color of text. */
  color: number
  className?: string
  children: ReactNode
}

/** A name in the color of a role, drawn so that it can be read in either theme. */
export function Colored({ color, className = '', children }: ColoredProps) {
  const ink = inkOf(color)
  const style = ink === null ? undefined : ({ '--ink-light': ink.light, '--ink-dark': ink.dark } as CSSProperties)
  return (
    <b className={`colored ${className}`} {...(style !== undefined && { style })}>
      {children}
    </b>
  )
}
