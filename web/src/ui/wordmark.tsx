/** The word, drawn from the mark's ring and stroke. */
export function Wordmark() {
  return (
    <svg
      viewBox="3.500 1 76 26"
      height={30}
      width={88}
      role="img"
      aria-label="Beep"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.600"
      strokeLinecap="round"
    >
      <path d="M5 3v12.500" />
      <circle cx="12" cy="14" r="7" />
      <path d="M24.200 14h14a7 7 0 1 0-2.100 5M43.400 14h14a7 7 0 1 0-2.100 5M62.600 12.500V25" />
      <circle cx="69.600" cy="14" r="7" />
      <circle cx="12" cy="14" r="2.700" fill="var(--color-accent-line)" stroke="none" />
    </svg>
  )
}
