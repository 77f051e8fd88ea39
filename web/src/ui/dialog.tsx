import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

interface DialogProps {
  title: string
  /** One or two sentences under the title. */
  text?: string
  children: ReactNode
  onClose(): void
}

/** A question that needs an answer before anything else. Focus goes back to whoever had it. */
export function Dialog({ title, text, children, onClose }: DialogProps) {
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="scrim" />
        <Radix.Content className="dialog" {...(text === undefined && { 'aria-describedby': undefined })}>
          <Radix.Title>{title}</Radix.Title>
          {text !== undefined && <Radix.Description className="say">{text}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
