import { Check, Minus, X } from 'lucide-react'
import { RadioGroup } from 'radix-ui'

export type Stance = 'deny' | 'inherit' | 'allow'

/** The word for each, for those who do not see the signs. */
export type StanceWords = Readonly<Record<Stance, string>>

const signs = { deny: X, inherit: Minus, allow: Check } as const
const order = ['deny', 'inherit', 'allow'] as const

interface ThreeStateProps {
  label: string
  words: StanceWords
  value: Stance
  disabled?: boolean
  /** The id of what says more about it. */
  describedBy?: string
  onChange(value: Stance): void
}

/** Denied, as it would be anyway, or allowed; arrow keys move it. */
export function ThreeState({ label, words, value, disabled = false, describedBy, onChange }: ThreeStateProps) {
  const choose = (chosen: string) => {
    const stance = order.find((one) => one === chosen)
    if (stance !== undefined) onChange(stance)
  }
  return (
    <RadioGroup.Root
      className="tri"
      value={value}
      disabled={disabled}
      onValueChange={choose}
      aria-label={label}
      aria-describedby={describedBy}
      orientation="horizontal"
    >
      {order.map((stance) => {
        const Sign = signs[stance]
        return (
          <RadioGroup.Item key={stance} value={stance} data-v={stance} aria-label={words[stance]} title={words[stance]}>
            <Sign className="size-4" aria-hidden />
          </RadioGroup.Item>
        )
      })}
    </RadioGroup.Root>
  )
}
