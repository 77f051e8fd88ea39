import { ArrowRight } from 'lucide-react'
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react'
import { useT } from '@/i18n/use-t'
import { loadDraft, saveDraft } from '@/store/drafts'
import { useServices } from '@/store/hooks'

interface ComposerProps {
  channelId: string
  channelName: string
  /** Characters that a message may have. */
  limit: number
  /** Up in an empty composer. */
  onEditLast(): void
}

/** How near to the limit the count of what is left appears. */
const SHOW_LEFT = 200

/** Characters as the server counts them: code points, not UTF-16 units. */
const lengthOf = (text: string) => [...text].length

/** Where messages are written. Its state is its own: typing renders nothing else. */
export function Composer({ channelId, channelName, limit, onEditLast }: ComposerProps) {
  const { t } = useT()
  const { engine, storage } = useServices()
  const [text, setText] = useState(() => loadDraft(storage, channelId))
  const area = useRef<HTMLTextAreaElement>(null)
  const left = limit - lengthOf(text)
  const sendable = text.trim() !== '' && left >= 0
  const label = t('composer.label', { channel: channelName })

  const change = (next: string) => {
    setText(next)
    saveDraft(storage, channelId, next)
    if (next.trim() === '') engine.stopTyping()
    else engine.typing(channelId)
  }
  const send = () => {
    if (!sendable) return
    engine.send(channelId, text.trim())
    change('')
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    send()
    area.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // While an input method composes, Enter chooses a word and Up walks its list.
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      send()
    } else if (event.key === 'ArrowUp' && text === '') {
      event.preventDefault()
      onEditLast()
    } else if (event.key === 'Escape') {
      event.currentTarget.blur()
    }
  }
  return (
    <form className="compose" onSubmit={submit}>
      <div className="in">
        <textarea
          ref={area}
          rows={1}
          aria-label={label}
          placeholder={label}
          data-composer
          value={text}
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {left < SHOW_LEFT && (
          <span className="left" role="status" {...(left < 0 && { 'data-over': true })}>
            {left < 0 ? t('composer.over', { count: -left }) : t('composer.left', { count: left })}
          </span>
        )}
        <button type="submit" className="ib send" aria-label={t('composer.send')} disabled={!sendable}>
          <ArrowRight aria-hidden />
        </button>
      </div>
    </form>
  )
}
