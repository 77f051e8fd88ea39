import { Rich, useT } from '@/i18n/use-t'
import { useSelect } from '@/store/hooks'
import { nameIn, serverIdOf } from '@/store/selectors'

interface TypingLineProps {
  channelId: string
}

/** Who is writing, under the composer: up to three names. Its line is always there, so nothing moves. */
export function TypingLine({ channelId }: TypingLineProps) {
  const { t } = useT()
  const joined = useSelect((state) =>
    Object.keys(state.typing[channelId] ?? {})
      .map((id) => nameIn(state, serverIdOf(state, channelId), id))
      .filter((name) => name !== '')
      .join('\n'),
  )
  const names = joined === '' ? [] : joined.split('\n')
  return (
    <p className="typing" aria-live="polite" data-testid="typing">
      {names.length > 0 && (
        <>
          <span className="beats" aria-hidden>
            <i />
            <i />
            <i />
          </span>
          <span>{names.length > 3 ? t('typing.many') : <Names names={names} />}</span>
        </>
      )}
    </p>
  )
}

const bold = [<b key="0" />, <b key="1" />, <b key="2" />]

function Names({ names: [a = '', b, c] }: { names: string[] }) {
  if (b === undefined) return <Rich id="typing.one" values={{ a }} parts={bold} />
  if (c === undefined) return <Rich id="typing.two" values={{ a, b }} parts={bold} />
  return <Rich id="typing.three" values={{ a, b, c }} parts={bold} />
}
