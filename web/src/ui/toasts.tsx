import { Check, TriangleAlert, X } from 'lucide-react'
import { IconButton } from './icon-button'

interface ToastsProps {
  toasts: readonly { id: number; text: string; look: 'note' | 'danger' }[]
  label: string
  closeLabel: string
  onClose(id: number): void
}

/** What just happened, bottom left. The region is always there, so that readers hear what comes into it. */
export function Toasts({ toasts, label, closeLabel, onClose }: ToastsProps) {
  return (
    <section className="toasts" aria-label={label} aria-live="polite">
      {toasts.map(({ id, text, look }) => (
        <div key={id} className="toast" role={look === 'danger' ? 'alert' : undefined}>
          {look === 'danger' ? <TriangleAlert aria-hidden /> : <Check aria-hidden />}
          <span className="flex-1">{text}</span>
          <IconButton label={closeLabel} onClick={() => onClose(id)}>
            <X aria-hidden />
          </IconButton>
        </div>
      ))}
    </section>
  )
}
