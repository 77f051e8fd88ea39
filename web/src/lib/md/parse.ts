/** The dialect of a message: Discord's. A single line break is one, and no HTML exists in it. */
import type { Block } from './ast'
import { parseInline } from './inline'

const FENCE = /^```([\w+#.-]{0,24})[ \t]*$/
const ONE_LINE_FENCE = /^```(.+?)```\s*$/
const HEADING = /^(#{1,3})\s+(\S.*)$/
const SUBTEXT = /^-#\s+(\S.*)$/
const QUOTE = /^>\s?(.*)$/
const BULLET = /^\s{0,3}[-*]\s+(\S.*)$/
const NUMBER = /^\s{0,3}(\d{1,9})[.)]\s+(\S.*)$/
const MAX_QUOTES = 4

/** Reads a whole message. Total: any text has a meaning. */
export function parse(text: string, depth = 0): Block[] {
  const lines = text.split('\n')
  const blocks: Block[] = []
  let paragraph: string[] = []
  const flush = () => {
    const body = paragraph.join('\n').replace(/^\n+|\n+$/g, '')
    if (body !== '') blocks.push({ type: 'paragraph', children: parseInline(body) })
    paragraph = []
  }
  let i = 0
  while (i < lines.length) {
    const found = blockAt(lines, i, depth)
    if (found === null) {
      paragraph.push(lines[i] ?? '')
      i++
      continue
    }
    flush()
    blocks.push(found.block)
    i += found.lines
  }
  flush()
  return blocks
}

interface Found {
  block: Block
  lines: number
}

function blockAt(lines: readonly string[], i: number, depth: number): Found | null {
  const line = lines[i] ?? ''
  const heading = HEADING.exec(line)
  if (heading !== null) {
    const level = (heading[1]?.length ?? 1) as 1 | 2 | 3
    return { block: { type: 'heading', level, children: parseInline(heading[2] ?? '') }, lines: 1 }
  }
  const subtext = SUBTEXT.exec(line)
  if (subtext !== null) return { block: { type: 'subtext', children: parseInline(subtext[1] ?? '') }, lines: 1 }
  return codeAt(lines, i) ?? quoteAt(lines, i, depth) ?? listAt(lines, i)
}

function codeAt(lines: readonly string[], i: number): Found | null {
  const line = lines[i] ?? ''
  const single = ONE_LINE_FENCE.exec(line)
  if (single !== null) return { block: { type: 'code', language: '', text: single[1] ?? '' }, lines: 1 }
  const open = FENCE.exec(line)
  if (open === null) return null
  const end = lines.findIndex((other, at) => at > i && other.trimEnd().endsWith('```'))
  if (end === -1) return null
  const last = (lines[end] ?? '').trimEnd().slice(0, -3)
  const text = [...lines.slice(i + 1, end), ...(last === '' ? [] : [last])].join('\n')
  return { block: { type: 'code', language: open[1] ?? '', text }, lines: end - i + 1 }
}

function quoteAt(lines: readonly string[], i: number, depth: number): Found | null {
  if (depth >= MAX_QUOTES) return null
  const inside = runOf(lines, i, QUOTE).map((match) => match[1] ?? '')
  if (inside.length === 0) return null
  return { block: { type: 'quote', children: parse(inside.join('\n'), depth + 1) }, lines: inside.length }
}

function listAt(lines: readonly string[], i: number): Found | null {
  const bullets = runOf(lines, i, BULLET)
  if (bullets.length > 0) {
    const items = bullets.map((match) => parseInline(match[1] ?? ''))
    return { block: { type: 'list', ordered: false, start: 1, items }, lines: items.length }
  }
  const numbers = runOf(lines, i, NUMBER)
  if (numbers.length === 0) return null
  const items = numbers.map((match) => parseInline(match[2] ?? ''))
  return { block: { type: 'list', ordered: true, start: Number(numbers[0]?.[1] ?? 1), items }, lines: items.length }
}

/** The lines from i on that match. */
function runOf(lines: readonly string[], i: number, pattern: RegExp): RegExpExecArray[] {
  const run: RegExpExecArray[] = []
  for (let at = i; at < lines.length; at++) {
    const match = pattern.exec(lines[at] ?? '')
    if (match === null) break
    run.push(match)
  }
  return run
}
