import type { ReactNode } from 'react'

interface CheckProps {
  checked: boolean
  disabled?: boolean
  onChange(checked: boolean): void
  children: ReactNode
}

/** A box to tick with its words beside it. */
export function Check({ checked, disabled = false, onChange, children }: CheckProps) {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span className="min-w-0 flex-1">{children}</span>
    </label>
  )
}
