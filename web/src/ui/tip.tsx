import { Tooltip } from 'radix-ui'
import type { ReactElement } from 'react'

interface TipProps {
  text: string
  side?: 'top' | 'right' | 'bottom' | 'left'
  /** One element that takes a ref and handlers. */
  children: ReactElement
}

/** A tooltip for what has another name already. */
export function Tip({ text, side = 'top', children }: TipProps) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content className="tip" side={side} sideOffset={8}>
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}
