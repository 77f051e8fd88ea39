import { PresenceDot } from './presence-dot'

interface AvatarProps {
  /** Decides the hue, so that a person keeps it. */
  id: string
  name: string
  size?: number
  /** Shown as a dot: online, idle, dnd or offline. */
  status?: string
  /** The surface that the dot is cut from. */
  on?: string
}

const HUES = [5, 30, 95, 132, 168, 210, 250, 290, 330]

const hueOf = (id: string) =>
  HUES[[...id].reduce((sum, digit) => (sum * 31 + digit.charCodeAt(0)) % 997, 7) % HUES.length]

/** Up to two initials. */
export function initialsOf(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/)
    .filter(Boolean)
  const first = [...(words[0] ?? '')][0] ?? ''
  const second = [...(words[1] ?? '')][0] ?? ''
  return (first + second).toLocaleUpperCase()
}

/** A person, drawn. The name stands beside it as text, so readers skip it. */
export function Avatar({ id, name, size = 36, status, on }: AvatarProps) {
  const style = { '--h': hueOf(id), '--s': `${size}px`, ...(on !== undefined && { '--on': on }) }
  return (
    <span className="av" style={style as React.CSSProperties} aria-hidden>
      {initialsOf(name)}
      {status !== undefined && <PresenceDot status={status} />}
    </span>
  )
}
