/**
 * The inside of a line: emphasis, code, links, mentions. One pass from left to right; an opening mark counts
 * only if its closing one exists, and nesting is bounded, so hostile input costs no more than long input.
 */
import type { Inline } from './ast'

const MAX_DEPTH = 12

type Mark = { open: string; type: 'strong' | 'em' | 'underline' | 'strike' | 'spoiler'; word: boolean }

/** The longer mark first: "**" is not two "*". word: not inside a word, where _ is a letter. */
const marks: readonly Mark[] = [
  { open: '**', type: 'strong', word: false },
  { open: '__', type: 'underline', word: true },
  { open: '~~', type: 'strike', word: false },
  { open: '||', type: 'spoiler', word: false },
  { open: '*', type: 'em', word: false },
  { open: '_', type: 'em', word: true },
]

const ESCAPABLE = /[\\`*_~|<>[\]()#\-+.!:@&]/
const REFERENCE =
  /^<(?:@!?(?<user>\d{1,20})|@&(?<role>\d{1,20})|#(?<channel>\d{1,20})|t:(?<time>-?\d{1,12})(?::(?<style>[tTdDfFR]))?)>/
const AUTOLINK = /^<((?:https?:\/\/|mailto:)[^\s<>]+)>/
const URL_HERE = /^https?:\/\/[^\s<>]+/
const LABELLED = /^\[([^\]\n]{1,300})\]\(\s*<?((?:https?:\/\/|mailto:)[^\s<>)]+)>?\s*\)/
const WORD = /[\p{L}\p{N}]/u

/** Reads one run of text, line breaks included. */
export function parseInline(text: string, depth = 0): Inline[] {
  const out: Inline[] = []
  let plain = ''
  const flush = () => {
    if (plain !== '') out.push({ type: 'text', text: plain })
    plain = ''
  }
  let i = 0
  while (i < text.length) {
    const found = depth < MAX_DEPTH ? tokenAt(text, i, depth) : null
    if (found !== null) {
      flush()
      out.push(found.node)
      i += found.length
    } else if (text[i] === '\\' && ESCAPABLE.test(text[i + 1] ?? '')) {
      plain += text[i + 1]
      i += 2
    } else {
      // A mark that opens nothing is text as a whole: "**" must not be tried again as "*".
      const skip = marks.find((mark) => text.startsWith(mark.open, i))?.open.length ?? 1
      plain += text.slice(i, i + skip)
      i += skip
    }
  }
  flush()
  return out
}

interface Token {
  node: Inline
  length: number
}

function tokenAt(text: string, i: number, depth: number): Token | null {
  switch (text[i]) {
    case '\n':
      return { node: { type: 'break' }, length: 1 }
    case '`':
      return codeAt(text, i)
    case '<':
      return referenceAt(text, i) ?? autolinkAt(text, i)
    case '[':
      return labelledAt(text, i, depth)
    case 'h':
      return bareLinkAt(text, i)
    case '*':
    case '_':
    case '~':
    case '|':
      return markAt(text, i, depth)
    default:
      return null
  }
}

function codeAt(text: string, i: number): Token | null {
  const fence = /^`+/.exec(text.slice(i, i + 3))?.[0] ?? '`'
  const end = text.indexOf(fence, i + fence.length)
  if (end <= i + fence.length) return null
  const inside = text.slice(i + fence.length, end)
  const trimmed = fence.length > 1 ? inside.trim() : inside
  return { node: { type: 'code', text: trimmed }, length: end + fence.length - i }
}

function referenceAt(text: string, i: number): Token | null {
  const match = REFERENCE.exec(text.slice(i, i + 40))
  if (match === null) return null
  const { user, role, channel, time, style } = match.groups ?? {}
  const length = match[0].length
  if (user !== undefined) return { node: { type: 'user', id: user }, length }
  if (role !== undefined) return { node: { type: 'role', id: role }, length }
  if (channel !== undefined) return { node: { type: 'channel', id: channel }, length }
  return { node: { type: 'time', at: Number(time) * 1000, style: style ?? 'f' }, length }
}

function autolinkAt(text: string, i: number): Token | null {
  const match = AUTOLINK.exec(text.slice(i, i + 2100))
  return match?.[1] === undefined ? null : linkOf(match[1], match[0].length)
}

function labelledAt(text: string, i: number, depth: number): Token | null {
  const match = LABELLED.exec(text.slice(i, i + 2500))
  const [whole = '', label = '', href = ''] = match ?? []
  if (match === null || !isSafe(href)) return null
  // A link within a link would be two targets for one click.
  const children = parseInline(label, Math.max(depth + 1, MAX_DEPTH - 2)).filter((node) => node.type !== 'link')
  return { node: { type: 'link', href, children }, length: whole.length }
}

function bareLinkAt(text: string, i: number): Token | null {
  if (i > 0 && WORD.test(text[i - 1] ?? '')) return null
  const match = URL_HERE.exec(text.slice(i, i + 2100))
  if (match === null) return null
  // The full stop after a link is the sentence's; so is a bracket that the link did not open.
  let href = match[0].replace(/[.,:;!?'"*_~|]+$/, '')
  while (href.endsWith(')') && href.split(')').length > href.split('(').length) href = href.slice(0, -1)
  return linkOf(href, href.length)
}

function linkOf(href: string, length: number): Token | null {
  const label = href.startsWith('mailto:') ? href.slice('mailto:'.length) : href
  return isSafe(href) ? { node: { type: 'link', href, children: [{ type: 'text', text: label }] }, length } : null
}

/** Only what a browser opens without running anything. */
function isSafe(href: string): boolean {
  return URL.canParse(href) && ['http:', 'https:', 'mailto:'].includes(new URL(href).protocol)
}

function markAt(text: string, i: number, depth: number): Token | null {
  const mark = marks.find((one) => text.startsWith(one.open, i))
  if (mark === undefined) return null
  if (mark.word && WORD.test(text[i - 1] ?? '')) return null
  const start = i + mark.open.length
  // Emphasis hugs its words: "2 * 3 * 4" is arithmetic.
  if (/\s/.test(text[start] ?? ' ')) return null
  const end = closingOf(text, start, mark)
  if (end === -1) return null
  return {
    node: { type: mark.type, children: parseInline(text.slice(start, end), depth + 1) },
    length: end + mark.open.length - i,
  }
}

function closingOf(text: string, start: number, { open, word }: Mark): number {
  for (let end = text.indexOf(open, start + 1); end !== -1; end = text.indexOf(open, end + 1)) {
    // Of three marks the last two close a double one: the first belongs to what is inside.
    if (open.length === 2 && text[end + 2] === open[0]) end++
    const after = text[end + open.length] ?? ''
    const hugs = !/[\s\\]/.test(text[end - 1] ?? ' ')
    const doubled = open.length === 1 && (after === open || text[end - 1] === open)
    if (hugs && !doubled && !(word && WORD.test(after))) return end
  }
  return -1
}
