import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

interface DrawerProps {
  /** What it holds, for those who do not see it. */
  label: string
  open: boolean
  onOpenChange(open: boolean): void
  children: ReactNode
}

/** The rail and the sidebar of a phone, over the content. */
export function Drawer({ label, open, onOpenChange, children }: DrawerProps) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="scrim" />
        <Radix.Content className="drawer" aria-describedby={undefined}>
          <Radix.Title className="sr-only">{label}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
