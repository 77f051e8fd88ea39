import { Tooltip } from 'radix-ui'
import type { ComponentProps } from 'react'

interface IconButtonProps extends ComponentProps<'button'> {
  /** What it does, for the tooltip and for those who do not see the icon. */
  label: string
  side?: 'top' | 'right' | 'bottom' | 'left'
}

/** A button that is only an icon: never without a name. */
export function IconButton({ label, side = 'top', className = '', type = 'button', ...rest }: IconButtonProps) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>
        <button type={type} aria-label={label} className={`ib ${className}`} {...rest} />
      </Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content className="tip" side={side} sideOffset={6}>
          {label}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}
