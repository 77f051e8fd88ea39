import { describe, expect, it } from 'vitest'
import type { Message } from '@/lib/wire/objects'
import { GROUP_FOR, type Row, rowsOf } from './rows'
import { create, ME, messageOf, pendingOf, YOU } from './testing'
import { applyEntries, emptyWindow } from './window'

const NOON = new Date(2026, 10, 24, 12).getTime()
const at = (ms: number) => new Date(NOON + ms).toISOString()

function rows(messages: Message[], more: Partial<Parameters<typeof rowsOf>[0]> = {}): Row[] {
  const window = applyEntries(
    emptyWindow,
    messages.map((message, i) => create(i + 1, message)),
  )
  return rowsOf({ window, from: 0, to: window.ids.length, pending: [], newAfter: null, me: ME, ...more })
}

const shape = (list: Row[]) =>
  list.map((row) =>
    row.kind === 'message'
      ? `${row.message.id}${row.first ? '*' : ''}`
      : row.kind === 'pending'
        ? `pending${row.first ? '*' : ''}`
        : row.kind,
  )

describe('rows', () => {
  it('group what one author says within seven minutes', () => {
    const list = rows([
      messageOf(1, { created_at: at(0) }),
      messageOf(2, { created_at: at(GROUP_FOR) }),
      messageOf(3, { created_at: at(2 * GROUP_FOR + 1) }),
      messageOf(4, { created_at: at(2 * GROUP_FOR + 2), author_id: ME }),
    ])
    expect(shape(list)).toEqual(['day', '1001*', '1002', '1003*', '1004*'])
  })

  it('divide days', () => {
    const list = rows([messageOf(1, { created_at: at(-86_400_000) }), messageOf(2, { created_at: at(0) })])
    expect(shape(list)).toEqual(['day', '1001*', 'day', '1002*'])
  })

  it('mark the first new message of another, once', () => {
    const list = rows(
      [1, 2, 3, 4].map((n) => messageOf(n, { created_at: at(n), author_id: n === 2 ? ME : YOU })),
      { newAfter: 1 },
    )
    expect(shape(list)).toEqual(['day', '1001*', '1002*', 'new', '1003*', '1004'])
  })

  it('mark it where it stands, not at the edge of a stretch that begins further down', () => {
    const list = [1, 2, 3, 4, 5].map((n) => messageOf(n, { created_at: at(n), author_id: n === 4 ? ME : YOU }))
    const from = (start: number) => shape(rows(list, { newAfter: 2, from: start })).indexOf('new')
    expect([from(0), from(1), from(2), from(3), from(4)]).toEqual([3, 2, -1, -1, -1])
  })

  it('mark nothing while the first new message is not loaded', () => {
    const list = [7, 8].map((n) => messageOf(n, { created_at: at(n) }))
    const page = {
      ...emptyWindow,
      loaded: true,
      ids: list.map(({ id }) => id),
      states: new Map(list.map((m) => [m.id, m])),
    }
    const given = (newAfter: number) =>
      rowsOf({ window: page, from: 0, to: 2, pending: [], newAfter, me: ME }).some(
        (row) => row.kind === 'new' || (row.kind === 'day' && row.isNew),
      )
    expect([given(4), given(5), given(6), given(7), given(8)]).toEqual([false, false, true, true, false])
  })

  it('say both at once where a new day starts with a new message', () => {
    const list = rows([messageOf(1, { created_at: at(-86_400_000) }), messageOf(2, { created_at: at(0) })], {
      newAfter: 1,
    })
    expect(list[2]).toMatchObject({ kind: 'day', isNew: true })
  })

  it('start anew after a deleted message', () => {
    const list = rows([
      messageOf(1, { created_at: at(0) }),
      messageOf(2, { created_at: at(1), deleted: true }),
      messageOf(3, { created_at: at(2) }),
    ])
    expect(shape(list)).toEqual(['day', '1001*', '1002', '1003*'])
  })

  it('put what is on its way at the end, in the same group, and only at the end of the channel', () => {
    const mine = messageOf(1, { created_at: at(0), author_id: ME })
    const pending = [pendingOf('a', { at: NOON + 1000 }), pendingOf('b', { kind: 'edit', messageId: '1001' })]
    expect(shape(rows([mine], { pending }))).toEqual(['day', '1001*', 'pending'])
    expect(shape(rows([mine, messageOf(2, { created_at: at(1) })], { pending, to: 1 }))).toEqual(['day', '1001*'])
  })

  it('keep the key of an own message when the log confirms it', () => {
    const before = rows([], { pending: [pendingOf('a', { at: NOON })] })
    const after = rows([messageOf(1, { created_at: at(0), author_id: ME, nonce: 'a' })])
    expect(after.at(-1)?.key).toBe(before.at(-1)?.key)
  })
})
