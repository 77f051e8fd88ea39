import type { MouseEvent, ReactNode } from 'react'
import { useT } from '@/i18n/use-t'
import { useSelect, useStage } from '@/store/hooks'
import { nameIn } from '@/store/selectors'
import { colorIn } from '@/store/standing'
import { Avatar } from '@/ui/avatar'
import { Colored } from '@/ui/colored'

interface AuthorProps {
  serverId: string
  userId: string
  /** What stands behind the name. */
  children: ReactNode
}

/** Who speaks, at the head of a group of messages: the name as the server knows it, in the color of a role. */
export function Author({ serverId, userId, children }: AuthorProps) {
  const { t } = useT()
  const showCard = useStage((stage) => stage.showCard)
  const name = useSelect((state) => nameIn(state, serverId, userId)) || t('user.unknown')
  const color = useSelect((state) => colorIn(state, serverId, userId))
  const open = (event: MouseEvent<HTMLButtonElement>) => {
    event.preventDefault()
    showCard({ serverId, userId, anchor: event.currentTarget })
  }
  return (
    <>
      <Avatar id={userId} name={name} />
      <p className="by">
        <button type="button" className="name" aria-haspopup="dialog" onClick={open} onContextMenu={open}>
          <Colored color={color}>{name}</Colored>
        </button>
        {children}
      </p>
    </>
  )
}
