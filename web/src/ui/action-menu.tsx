import { Fragment, type ReactElement } from 'react'
import type { Action } from './context-menu'
import { Menu, MenuItem, MenuSeparator } from './menu'

interface ActionMenuProps {
  label: string
  trigger: ReactElement
  actions: readonly Action[]
}

/** The actions of a context menu, at a button. */
export function ActionMenu({ label, trigger, actions }: ActionMenuProps) {
  return (
    <Menu label={label} trigger={trigger}>
      {actions.map(({ id, label: text, icon: Icon, danger = false, run }, i) => (
        <Fragment key={id}>
          {danger && i > 0 && <MenuSeparator />}
          <MenuItem look={danger ? 'danger' : 'neutral'} icon={<Icon className="size-4" aria-hidden />} onSelect={run}>
            {text}
          </MenuItem>
        </Fragment>
      ))}
    </Menu>
  )
}
