import { TriangleAlert } from 'lucide-react'
import { type ComponentProps, useId } from 'react'

interface FieldProps extends ComponentProps<'input'> {
  label: string
  /** What is wrong; takes the place of the hint. */
  error?: string | null
  hint?: string
}

/** A labelled line of input. */
export function Field({ label, error = null, hint, ...rest }: FieldProps) {
  const id = useId()
  const note = error ?? hint
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="inp"
        aria-invalid={error !== null}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
        {...rest}
      />
      {note !== undefined && (
        <p id={`${id}-note`} className={error === null ? 'hint' : 'err'} role={error === null ? undefined : 'alert'}>
          {error !== null && <TriangleAlert className="size-3.5" aria-hidden />}
          {note}
        </p>
      )}
    </div>
  )
}
