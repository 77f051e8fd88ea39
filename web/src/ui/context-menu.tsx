import type { LucideIcon } from 'lucide-react'
import { ContextMenu as Radix } from 'radix-ui'
import { Fragment, type ReactElement } from 'react'

/** Something that may be done from a menu. */
export interface Action {
  readonly id: string
  readonly label: string
  readonly icon: LucideIcon
  /** Dangerous ones stand last, behind a line. */
  readonly danger?: boolean
  readonly disabled?: boolean
  run(): void
}

interface ContextMenuProps {
  /** What it is about. */
  label: string
  actions: readonly Action[]
  /** The one element that it belongs to: right click, long press, Shift+F10 or the menu key open it. */
  children: ReactElement
}

/** What may be done with something, where it stands. */
export function ContextMenu({ label, actions, children }: ContextMenuProps) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <section aria-label={label}>
          <Radix.Content className="menu" collisionPadding={8} aria-label={label}>
            {actions.map(({ id, label: text, icon: Icon, danger = false, disabled = false, run }, i) => (
              <Fragment key={id}>
                {danger && i > 0 && <Radix.Separator />}
                <Radix.Item data-look={danger ? 'danger' : 'neutral'} disabled={disabled} onSelect={run}>
                  <Icon className="size-4" aria-hidden />
                  {text}
                </Radix.Item>
              </Fragment>
            ))}
          </Radix.Content>
        </section>
      </Radix.Portal>
    </Radix.Root>
  )
}
