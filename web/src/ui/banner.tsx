import type { ReactNode } from 'react'

interface BannerProps {
  look: 'warning' | 'danger' | 'success'
  icon: ReactNode
  children: ReactNode
}

/** A line under the header that pushes the content down. */
export function Banner({ look, icon, children }: BannerProps) {
  return (
    <div className="banner" data-look={look} role="status">
      {icon}
      {children}
    </div>
  )
}
