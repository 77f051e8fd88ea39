import { describe, expect, it } from 'vitest'
import type { Block, Inline } from './ast'
import { parse } from './parse'

/** The tree as a short text, so that a corpus can be read. */
function show(blocks: Block[]): string {
  return blocks.map(showBlock).join(' ')
}
function showBlock(block: Block): string {
  switch (block.type) {
    case 'code':
      return `pre${block.language === '' ? '' : `.${block.language}`}(${JSON.stringify(block.text)})`
    case 'quote':
      return `quote(${show(block.children)})`
    case 'list':
      return `${block.ordered ? `ol${block.start}` : 'ul'}(${block.items.map((item) => item.map(showInline).join('')).join('; ')})`
    case 'heading':
      return `h${block.level}(${block.children.map(showInline).join('')})`
    default:
      return `${block.type === 'paragraph' ? 'p' : 'small'}(${block.children.map(showInline).join('')})`
  }
}
function showInline(node: Inline): string {
  switch (node.type) {
    case 'text':
      return node.text
    case 'break':
      return '⏎'
    case 'code':
      return `code(${node.text})`
    case 'link':
      return `a[${node.href}](${node.children.map(showInline).join('')})`
    case 'time':
      return `time(${node.at},${node.style})`
    case 'user':
    case 'role':
    case 'channel':
      return `${node.type}(${node.id})`
    default:
      return `${node.type}(${node.children.map(showInline).join('')})`
  }
}

const corpus: [string, string][] = [
  ['plain', 'p(plain)'],
  ['one\ntwo', 'p(one⏎two)'],
  ['one\n\ntwo', 'p(one⏎⏎two)'],
  ['**bold** and *it* and _it_', 'p(strong(bold) and em(it) and em(it))'],
  ['***both***', 'p(strong(em(both)))'],
  ['__under__ ~~gone~~ ||secret||', 'p(underline(under) strike(gone) spoiler(secret))'],
  ['**bold *and it* **', 'p(**bold em(and it) **)'],
  ['snake_case_name and 2 * 3 * 4', 'p(snake_case_name and 2 * 3 * 4)'],
  ['**open', 'p(**open)'],
  ['****', 'p(****)'],
  ['\\*not\\*', 'p(*not*)'],
  ['C:\\dir', 'p(C:\\dir)'],
  ['`code *as is*`', 'p(code(code *as is*))'],
  ['``a ` b``', 'p(code(a ` b))'],
  ['`open', 'p(`open)'],
  ['```js\nlet a = 1\n```', 'pre.js("let a = 1")'],
  ['```\n**raw**\n\n# raw\n```\nafter', 'pre("**raw**\\n\\n# raw") p(after)'],
  ['```one line```', 'pre("one line")'],
  ['```\nnever closed', 'p(```⏎never closed)'],
  ['# Title\n## Sub\n### Small\n#### none', 'h1(Title) h2(Sub) h3(Small) p(#### none)'],
  ['#channel', 'p(#channel)'],
  ['-# small print', 'small(small print)'],
  ['> quoted\n> **more**\nafter', 'quote(p(quoted⏎strong(more))) p(after)'],
  ['> > nested', 'quote(quote(p(nested)))'],
  ['- a\n- *b*', 'ul(a; em(b))'],
  ['3. a\n4. b', 'ol3(a; b)'],
  ['https://beep.example/a_b_(c).', 'p(a[https://beep.example/a_b_(c)](https://beep.example/a_b_(c)).)'],
  ['(see https://beep.example)', 'p((see a[https://beep.example](https://beep.example)))'],
  ['<https://beep.example>', 'p(a[https://beep.example](https://beep.example))'],
  ['<mailto:ada@beep.example>', 'p(a[mailto:ada@beep.example](ada@beep.example))'],
  ['[here](https://beep.example "t")', 'p([here](a[https://beep.example](https://beep.example) "t"))'],
  ['[**here**](https://beep.example)', 'p(a[https://beep.example](strong(here)))'],
  ['[x](javascript:alert(1))', 'p([x](javascript:alert(1)))'],
  ['<javascript:alert(1)>', 'p(<javascript:alert(1)>)'],
  ['<@12> <@!12> <@&34> <#56>', 'p(user(12) user(12) role(34) channel(56))'],
  ['<t:1700000000:R> <t:0>', 'p(time(1700000000000,R) time(0,f))'],
  ['<@x> <#> a<b', 'p(<@x> <#> a<b)'],
  ['<script>alert(1)</script>', 'p(<script>alert(1)</script>)'],
  ['', ''],
  ['\n\n', ''],
]

describe('parse', () => {
  it.each(corpus)('%j', (text, expected) => expect(show(parse(text))).toBe(expected))

  const every = (blocks: Block[], visit: (node: Inline) => void): void => {
    const inline = (nodes: Inline[]) => {
      for (const node of nodes) {
        visit(node)
        if ('children' in node) inline(node.children)
      }
    }
    for (const block of blocks) {
      if (block.type === 'quote') every(block.children, visit)
      else if (block.type === 'list') for (const item of block.items) inline(item)
      else if ('children' in block) inline(block.children)
    }
  }

  it('takes any text, and links lead to the web or to mail only', () => {
    const pieces = [
      '*',
      '**',
      '_',
      '__',
      '~~',
      '||',
      '`',
      '```',
      '\n',
      '> ',
      '- ',
      '1. ',
      '# ',
      '-# ',
      '[',
      '](',
      ')',
      '<',
      '>',
      '@',
      '#',
      'a',
      ' ',
      '\\',
      'https://x.example/',
      'javascript:',
      'data:text/html,',
      '<@1>',
      '<t:9:R>',
      'é',
      '😀',
    ]
    let seed = 7
    const next = (n: number) => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
      return seed % n
    }
    for (let i = 0; i < 3_000; i++) {
      const text = Array.from({ length: next(40) }, () => pieces[next(pieces.length)]).join('')
      every(parse(text), (node) => {
        if (node.type === 'link') expect(node.href).toMatch(/^(https?:\/\/|mailto:)/)
      })
    }
  })

  it.each(['*', '**', '_', '||', '`', '[', '[a](', '<', '> ', '*a', '**a ', '_a_ *', 'https://', '(((', '- ', '```\n'])(
    'is quick with 4,000 characters of %j',
    (piece) => {
      const text = piece.repeat(Math.ceil(4_000 / piece.length)).slice(0, 4_000)
      const start = performance.now()
      parse(text)
      expect(performance.now() - start).toBeLessThan(1_000)
    },
  )
})
