import { useId } from 'react'
import { useT } from '@/i18n/use-t'
import { Button } from '@/ui/button'
import { hexOf } from '@/ui/color'

interface ColorFieldProps {
  /** 0xRRGGBB; 0 is none. */
  value: number
  disabled: boolean
  onChange(color: number): void
}

/** A color, or none. */
export function ColorField({ value, disabled, onChange }: ColorFieldProps) {
  const { t } = useT()
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{t('roles.color')}</label>
      <div className="flex items-center gap-3">
        <input
          id={id}
          type="color"
          className="h-10 w-16"
          value={hexOf(value)}
          disabled={disabled}
          onChange={(event) => onChange(Number.parseInt(event.currentTarget.value.slice(1), 16))}
        />
        {value === 0 ? (
          <span className="text-sm text-ink-3">{t('roles.no_color')}</span>
        ) : (
          <Button look="bare" size="small" disabled={disabled} onClick={() => onChange(0)}>
            {t('roles.no_color')}
          </Button>
        )}
      </div>
    </div>
  )
}
