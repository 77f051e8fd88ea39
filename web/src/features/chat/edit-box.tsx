import { type KeyboardEvent, useState } from 'react'
import { Rich, useT } from '@/i18n/use-t'
import type { Message } from '@/lib/wire/objects'
import { useEngine, useStage } from '@/store/hooks'

interface EditBoxProps {
  message: Message
  onDone(): void
}

/** Edits a message where it stands: Enter saves, Escape keeps it as it was, nothing left deletes it. */
export function EditBox({ message, onDone }: EditBoxProps) {
  const { t } = useT()
  const engine = useEngine()
  const show = useStage((stage) => stage.show)
  const [text, setText] = useState(message.content)

  const save = () => {
    const content = text.trim()
    onDone()
    if (content === '') show({ kind: 'delete-message', channelId: message.channel_id, messageId: message.id })
    else if (content !== message.content) engine.edit(message.channel_id, message.id, content)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') {
      event.stopPropagation()
      onDone()
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      save()
    }
  }
  return (
    <div>
      <div className="compose" data-editing>
        <div className="in">
          <textarea
            ref={focusAtEnd}
            rows={1}
            aria-label={t('message.edit_label')}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={onKeyDown}
          />
        </div>
      </div>
      <p className="pb-1 text-xs text-ink-3">
        <Rich
          id="message.edit_hint"
          parts={[
            <button key="0" type="button" className="link" onClick={onDone} />,
            <button key="1" type="button" className="link" onClick={save} />,
          ]}
        />
      </p>
    </div>
  )
}

/** Only when it appears: later renders must not move the caret. */
function focusAtEnd(area: HTMLTextAreaElement | null) {
  area?.focus()
  area?.setSelectionRange(area.value.length, area.value.length)
}
