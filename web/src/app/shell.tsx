import { Menu as MenuIcon } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { UserRow } from '@/features/account/user-row'
import { HomeSidebar } from '@/features/servers/home-sidebar'
import { Rail } from '@/features/servers/rail'
import { Sidebar } from '@/features/servers/sidebar'
import { useT } from '@/i18n/use-t'
import { Drawer } from '@/ui/drawer'
import { PHONE, useMedia } from '@/ui/use-media'

interface ShellProps {
  serverId: string | null
  channelId: string | null
  /** The sheet's content; leading is the phone's menu button, for its header. */
  children(leading: ReactNode): ReactNode
}

/** The three columns: rail, sidebar, sheet. On a phone the first two are a drawer. */
export function Shell({ serverId, channelId, children }: ShellProps) {
  const { t } = useT()
  const phone = useMedia(PHONE)
  // Open at a place: going elsewhere closes it by itself.
  const here = `${serverId} ${channelId}`
  const [openAt, setOpenAt] = useState<string | null>(null)
  const chrome = (
    <>
      <Rail current={serverId} />
      {serverId === null ? (
        <HomeSidebar footer={<UserRow />} />
      ) : (
        <Sidebar serverId={serverId} channelId={channelId} footer={<UserRow />} />
      )}
    </>
  )
  const button = (
    <button type="button" className="ib" aria-label={t('drawer.open')} onClick={() => setOpenAt(here)}>
      <MenuIcon aria-hidden />
    </button>
  )
  return (
    <div className="shell">
      {phone ? (
        <Drawer label={t('drawer.label')} open={openAt === here} onOpenChange={(open) => setOpenAt(open ? here : null)}>
          {chrome}
        </Drawer>
      ) : (
        chrome
      )}
      <main className="sheet">{children(phone ? button : null)}</main>
    </div>
  )
}
