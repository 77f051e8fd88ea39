import { Lock } from 'lucide-react'
import { useId } from 'react'

interface SwitchRowProps {
  label: string
  help: string
  checked: boolean
  disabled?: boolean
  /** Why it cannot be moved. */
  why?: string | undefined
  onChange(checked: boolean): void
}

/** Something that is on or off, with a sentence about it. */
export function SwitchRow({ label, help, checked, disabled = false, why, onChange }: SwitchRowProps) {
  const id = useId()
  return (
    <div className="perm">
      <div>
        <b id={`${id}-name`}>{label}</b>
        <small id={`${id}-help`}>{help}</small>
      </div>
      {why !== undefined && (
        <span className="why">
          <Lock className="size-3.5" aria-hidden />
          {why}
        </span>
      )}
      <button
        type="button"
        role="switch"
        className="sw"
        aria-checked={checked}
        aria-labelledby={`${id}-name`}
        aria-describedby={`${id}-help`}
        disabled={disabled}
        onClick={() => onChange(!checked)}
      />
    </div>
  )
}
