interface MarkProps {
  size?: number
  /** Whether something is unread: no unread, no dot. */
  dot?: boolean
  className?: string
}

/** The mark: a b whose bowl holds the unread dot. */
export function Mark({ size = 28, dot = true, className }: MarkProps) {
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      className={className}
      fill="none"
      stroke="currentColor"
      strokeWidth="2.600"
      strokeLinecap="round"
      aria-hidden
    >
      <path d="M5 3v12.500" />
      <circle cx="12" cy="14" r="7" />
      {dot && <circle cx="12" cy="14" r="2.700" fill="var(--color-accent-line)" stroke="none" />}
    </svg>
  )
}
