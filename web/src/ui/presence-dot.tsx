/** Presence differs by shape, not by colour alone. */
const shapes: Record<string, React.ReactNode> = {
  online: <circle cx="5" cy="5" r="5" fill="currentColor" />,
  idle: <path d="M3.600.2A5 5 0 1 0 9.800 6.400 4.200 4.200 0 0 1 3.600.2Z" fill="currentColor" />,
  dnd: <path fillRule="evenodd" d="M5 0a5 5 0 1 1 0 10A5 5 0 0 1 5 0ZM2.500 4v2h5V4Z" fill="currentColor" />,
  offline: <circle cx="5" cy="5" r="3.900" fill="none" stroke="currentColor" strokeWidth="2.200" />,
}

interface PresenceDotProps {
  status: string
}

export function PresenceDot({ status }: PresenceDotProps) {
  const known = status in shapes ? status : 'offline'
  return (
    <span className="presence" data-status={known}>
      <svg viewBox="0 0 10 10" aria-hidden>
        {shapes[known]}
      </svg>
    </span>
  )
}
