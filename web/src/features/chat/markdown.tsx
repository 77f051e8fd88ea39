import { type ReactNode, useState } from 'react'
import { useT } from '@/i18n/use-t'
import type { Block, Inline } from '@/lib/md/ast'
import { parse } from '@/lib/md/parse'
import { day, full } from '@/lib/time/format'
import { useSelect } from '@/store/hooks'
import { nameIn, serverIdOf } from '@/store/selectors'

interface MarkdownProps {
  text: string
  /** Stands at the end of the last line, if that is one of text. */
  trailing?: ReactNode
}

/** A message's text as elements: no HTML string exists anywhere, so there is nothing to sanitise. */
export function Markdown({ text, trailing }: MarkdownProps) {
  const blocks = parse(text)
  const last = blocks.at(-1)
  if (last?.type !== 'paragraph') {
    return (
      <>
        <Blocks blocks={blocks} />
        {trailing}
      </>
    )
  }
  return (
    <>
      <Blocks blocks={blocks.slice(0, -1)} />
      <p>
        <Inlines nodes={last.children} />
        {trailing}
      </p>
    </>
  )
}

// The tree is made anew from its text and never reordered, so a place in it is a key.
/* biome-ignore-start lint/suspicious/noArrayIndexKey: see above */

function Blocks({ blocks }: { blocks: Block[] }) {
  return blocks.map((block, i) => <OneBlock key={i} block={block} />)
}

function OneBlock({ block }: { block: Block }) {
  const { t } = useT()
  switch (block.type) {
    case 'paragraph':
      return (
        <p>
          <Inlines nodes={block.children} />
        </p>
      )
    case 'heading':
      return (
        <h3 data-level={block.level}>
          <Inlines nodes={block.children} />
        </h3>
      )
    case 'subtext':
      return (
        <small>
          <Inlines nodes={block.children} />
        </small>
      )
    case 'quote':
      return (
        <blockquote>
          <Blocks blocks={block.children} />
        </blockquote>
      )
    case 'list': {
      const items = block.items.map((item, i) => (
        <li key={i}>
          <Inlines nodes={item} />
        </li>
      ))
      return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>
    }
    case 'code':
      return (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset holds no code
        <pre
          role="group"
          aria-label={t('message.code')}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard
          tabIndex={0}
        >
          <code>{block.text}</code>
        </pre>
      )
  }
}

function Inlines({ nodes }: { nodes: Inline[] }) {
  return nodes.map((node, i) => <OneInline key={i} node={node} />)
}
/* biome-ignore-end lint/suspicious/noArrayIndexKey: see above */

function OneInline({ node }: { node: Inline }) {
  switch (node.type) {
    case 'text':
      return node.text
    case 'break':
      return <br />
    case 'strong':
      return (
        <strong className="font-semibold">
          <Inlines nodes={node.children} />
        </strong>
      )
    case 'em':
      return (
        <em>
          <Inlines nodes={node.children} />
        </em>
      )
    case 'underline':
      return (
        <u>
          <Inlines nodes={node.children} />
        </u>
      )
    case 'strike':
      return (
        <s>
          <Inlines nodes={node.children} />
        </s>
      )
    case 'spoiler':
      return <Spoiler nodes={node.children} />
    case 'code':
      return <code>{node.text}</code>
    case 'link':
      return (
        <a href={node.href} target="_blank" rel="noreferrer noopener">
          <Inlines nodes={node.children} />
        </a>
      )
    case 'time':
      return <Time at={node.at} />
    case 'user':
    case 'role':
    case 'channel':
      return <Reference kind={node.type} id={node.id} />
  }
}

function Spoiler({ nodes }: { nodes: Inline[] }) {
  const { t } = useT()
  const [shown, setShown] = useState(false)
  return (
    <button
      type="button"
      className="spoiler"
      aria-expanded={shown}
      {...(!shown && { 'aria-label': t('message.spoiler') })}
      onClick={() => setShown(true)}
    >
      <span>
        <Inlines nodes={nodes} />
      </span>
    </button>
  )
}

function Time({ at }: { at: number }) {
  const { locale } = useT()
  return (
    <time className="ref" dateTime={new Date(at).toISOString()} title={day(locale, at, at)}>
      {full(locale, at)}
    </time>
  )
}

function Reference({ kind, id }: { kind: 'user' | 'role' | 'channel'; id: string }) {
  const { t } = useT()
  const isMe = useSelect((state) => kind === 'user' && state.me?.id === id)
  const name = useSelect((state) => {
    if (kind === 'user') return nameIn(state, serverIdOf(state, state.viewing?.channelId ?? ''), id)
    if (kind === 'channel') return state.channels[id]?.channel.name ?? ''
    return Object.values(state.servers).find(({ roles }) => roles[id] !== undefined)?.roles[id]?.name ?? ''
  })
  const sign = kind === 'channel' ? '#' : '@'
  return (
    <span className="ref" {...(isMe && { 'data-you': true })}>
      {sign}
      {name || t('message.unknown_reference')}
    </span>
  )
}
