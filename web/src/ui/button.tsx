import type { ComponentProps } from 'react'

interface ButtonProps extends ComponentProps<'button'> {
  /** accent: the one next action of a screen. */
  look?: 'accent' | 'neutral' | 'outline' | 'bare' | 'danger'
  size?: 'small' | 'medium' | 'block'
}

/** A button with a verb on it. */
export function Button({ look = 'neutral', size = 'medium', className = '', type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={`btn ${className}`} data-look={look} data-size={size} {...rest} />
}
