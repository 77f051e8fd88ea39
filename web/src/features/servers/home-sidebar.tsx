import { Link } from '@tanstack/react-router'
import { House } from 'lucide-react'
import type { ReactNode } from 'react'
import { useT } from '@/i18n/use-t'

interface HomeSidebarProps {
  footer: ReactNode
}

/** What stands beside the rail at home. */
export function HomeSidebar({ footer }: HomeSidebarProps) {
  const { t } = useT()
  return (
    <aside className="side" aria-label={t('home.title')}>
      <header>
        <h2 className="px-2">Beep</h2>
      </header>
      <nav aria-label={t('home.title')}>
        <ul>
          <li>
            <Link to="/" className="row" aria-current="page">
              <House aria-hidden />
              <span className="flex-1">{t('home.title')}</span>
            </Link>
          </li>
        </ul>
      </nav>
      {footer}
    </aside>
  )
}
