import { Link } from '@tanstack/react-router'
import { ChevronDown, ChevronRight, Hash } from 'lucide-react'
import { useState } from 'react'
import { useT } from '@/i18n/use-t'
import type { Channel } from '@/lib/wire/objects'
import { useSelect, useServices } from '@/store/hooks'
import { type ChannelGroup, isUnread } from '@/store/selectors'
import { ContextMenu } from '@/ui/context-menu'
import { useChannelActions } from './use-channel-actions'

interface ChannelGroupListProps {
  group: ChannelGroup
  /** The channel on the screen. */
  current: string | null
}

/** A category, open or closed, with its channels. */
export function ChannelGroupList({ group, current }: ChannelGroupListProps) {
  const { preferences } = useServices()
  const id = group.category?.id
  const [open, setOpen] = useState(() => id === undefined || !preferences.getState().collapsed.includes(id))
  const flip = () => {
    if (id === undefined) return
    const others = preferences.getState().collapsed.filter((one) => one !== id)
    preferences.setState({ collapsed: open ? [...others, id] : others })
    setOpen(!open)
  }
  // A closed category still shows the channel that one is in.
  const shown = open ? group.channels : group.channels.filter(({ channel }) => channel.id === current)
  return (
    <>
      {group.category !== null && <Category category={group.category} open={open} onFlip={flip} />}
      {shown.length > 0 && (
        <ul>
          {shown.map(({ channel }) => (
            <li key={channel.id}>
              <ChannelLink channel={channel} current={current === channel.id} />
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

interface CategoryProps {
  category: Channel
  open: boolean
  onFlip(): void
}

function Category({ category, open, onFlip }: CategoryProps) {
  const actions = useChannelActions(category)
  const Chevron = open ? ChevronDown : ChevronRight
  return (
    <ContextMenu label={category.name} actions={actions}>
      <button type="button" className="cat" aria-expanded={open} onClick={onFlip}>
        <span className="truncate">{category.name}</span>
        <Chevron className="size-3.5" aria-hidden />
      </button>
    </ContextMenu>
  )
}

interface ChannelLinkProps {
  channel: Channel
  current: boolean
}

function ChannelLink({ channel, current }: ChannelLinkProps) {
  const { t } = useT()
  const { id: channelId, server_id: serverId, name } = channel
  const unread = useSelect((state) => isUnread(state, channelId)) && !current
  const actions = useChannelActions(channel)
  return (
    <ContextMenu label={name} actions={actions}>
      <Link
        to="/channels/$serverId/$channelId"
        params={{ serverId, channelId }}
        className="row"
        {...(current && { 'aria-current': 'page' as const })}
        {...(unread && { 'data-unread': true })}
      >
        <Hash aria-hidden />
        <span className="flex-1 truncate">{name}</span>
        {unread && (
          <span className="dot">
            <span className="sr-only">{t('unread')}</span>
          </span>
        )}
      </Link>
    </ContextMenu>
  )
}
