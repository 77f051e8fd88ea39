import { screen, within } from '@testing-library/react'
import { useState } from 'react'
import { describe, expect, it, vi } from 'vitest'
import { Problem } from '@/lib/api/problem'
import { useSelect } from '@/store/hooks'
import { CHANNEL, change, messageOf } from '@/store/testing'
import { type Drawing, draw, own } from '../../../test/draw'
import { MessageRow } from './message-row'
import { PendingRow } from './pending-row'

const words = {
  en: {
    edit: 'Edit',
    remove: 'Delete',
    more: 'More',
    box: 'Edit message',
    deleted: 'Message deleted',
    edited: '(edited)',
    failed: 'Not sent, you may not do this here.',
    again: 'Try again',
    link: 'Copy link',
    text: 'Copy text',
  },
  fr: {
    edit: 'Modifier',
    remove: 'Supprimer',
    more: 'Plus',
    box: 'Modifier le message',
    deleted: 'Message supprimé',
    edited: '(modifié)',
    failed: 'Non envoyé : vous n’en avez pas le droit ici.',
    again: 'Réessayer',
    link: 'Copier le lien',
    text: 'Copier le texte',
  },
}

/** The rows of the channel as the list would draw them. */
function Rows() {
  const window = useSelect((state) => state.windows[CHANNEL])
  const pending = useSelect((state) => state.outbox[CHANNEL])
  const [editing, setEditing] = useState<string | null>(null)
  return (
    <ol>
      {[...(window?.states.values() ?? [])].map((message) => (
        <MessageRow
          key={message.id}
          message={message}
          first
          target={false}
          editing={editing === message.id}
          onEdit={setEditing}
        />
      ))}
      {pending
        ?.filter((one) => one.kind === 'create')
        .map((one) => (
          <PendingRow key={one.nonce} channelId={CHANNEL} pending={one} first />
        ))}
    </ol>
  )
}

const rows = (drawing: Drawing) => draw(<Rows />, drawing)
const row = () => screen.getByRole('listitem')

describe.each(['en', 'fr'] as const)('a message of one’s own, %s', (language) => {
  const say = words[language]
  const mine = { language, messages: [own(1, 'Low tide at six')] }

  it('is edited by Enter, in place', async () => {
    const { user, calls } = await rows(mine)
    await user.click(screen.getByRole('button', { name: say.edit }))
    const box = screen.getByRole('textbox', { name: say.box })
    expect(document.activeElement).toBe(box)
    await user.clear(box)
    await user.type(box, 'Low tide at seven{Enter}')
    expect(calls.editMessage.mock.calls.map((call: unknown[]) => call.slice(0, 3))).toEqual([
      [CHANNEL, '1001', 'Low tide at seven'],
    ])
    // What was asked for shows at once, as something on its way.
    expect(row().textContent).toContain('Low tide at seven')
    expect(row().dataset.pending).toBe('true')
  })

  it('stays as it was by Escape, and when nothing was changed', async () => {
    const { user, calls } = await rows(mine)
    await user.click(screen.getByRole('button', { name: say.edit }))
    await user.type(screen.getByRole('textbox'), ' or so{Escape}')
    expect(screen.queryByRole('textbox')).toBeNull()
    await user.click(screen.getByRole('button', { name: say.edit }))
    await user.type(screen.getByRole('textbox'), '{Enter}')
    expect(row().textContent).toContain('Low tide at six')
    expect(calls.editMessage).not.toHaveBeenCalled()
  })

  it('is deleted after a question', async () => {
    const { user, services, calls } = await rows(mine)
    await user.click(screen.getByRole('button', { name: say.remove }))
    expect(services.stage.getState().dialog).toEqual({ kind: 'delete-message', channelId: CHANNEL, messageId: '1001' })
    expect(calls.deleteMessage).not.toHaveBeenCalled()
  })

  it('whose text is emptied asks whether it is to go', async () => {
    const { user, services } = await rows(mine)
    await user.click(screen.getByRole('button', { name: say.edit }))
    await user.clear(screen.getByRole('textbox'))
    await user.type(screen.getByRole('textbox'), '{Enter}')
    expect(services.stage.getState().dialog?.kind).toBe('delete-message')
  })

  it('says that it was edited, and that it is gone', async () => {
    const { hear } = await rows({ language, messages: [own(1, 'Low tide')] })
    const edited = change(2, own(1, 'Low tide'), 'Lower tide')
    const at = '2026-11-24T10:01:00Z'
    hear({
      op: 'entries',
      d: { channel_id: CHANNEL, entries: [{ ...edited, message: { ...edited.message, edited_at: at } }] },
    })
    expect(await screen.findByText(say.edited)).toBeDefined()
    hear({ op: 'entries', d: { channel_id: CHANNEL, entries: [change(3, own(1, ''), '')] } })
    expect(await screen.findByText(say.deleted)).toBeDefined()
    expect(screen.queryByRole('button')).toBeNull()
  })

  it('that was refused says why and is tried again with the same nonce', async () => {
    const sendMessage = vi.fn((..._: string[]) => Promise.reject(new Problem('forbidden', 403)))
    const { user, engine } = await rows({ language, api: { sendMessage } })
    engine.send(CHANNEL, 'Cast off')
    const status = await screen.findByRole('status')
    expect(within(status).getByText(say.failed)).toBeDefined()
    await user.click(within(status).getByRole('button', { name: say.again }))
    await vi.waitFor(() => expect(sendMessage).toHaveBeenCalledTimes(2))
    const [first, second] = sendMessage.mock.calls
    expect(second).toEqual(first)
  })

  it('is copied from its menu, by the keyboard alone', async () => {
    const { user } = await rows(mine)
    screen.getByRole('button', { name: say.more }).focus()
    await user.keyboard('{Enter}')
    const menu = await screen.findByRole('menu')
    const names = within(menu)
      .getAllByRole('menuitem')
      .map((item) => item.textContent)
    expect(names).toEqual([say.edit, say.text, say.link, say.remove])
    await user.keyboard('{ArrowDown}{Enter}')
    expect(await navigator.clipboard.readText()).toBe('Low tide at six')
    expect(screen.queryByRole('menu')).toBeNull()
  })
})

describe('a message of someone else', () => {
  const theirs = [messageOf(1, { content: 'Low tide' })]

  it('offers neither edit nor delete', async () => {
    await rows({ messages: theirs })
    expect(screen.queryByRole('button', { name: 'Edit' })).toBeNull()
    expect(screen.queryByRole('button', { name: 'Delete' })).toBeNull()
    expect(row().getAttribute('aria-label')).toMatch(/^Bo, /)
  })

  it('may be deleted by whoever manages messages, but not edited', async () => {
    await rows({ messages: theirs, rights: ['view_channels', 'manage_messages'] })
    expect(screen.queryByRole('button', { name: 'Edit' })).toBeNull()
    expect(screen.getByRole('button', { name: 'Delete' })).toBeDefined()
  })

  it('that mentions one says so', async () => {
    await rows({ messages: [messageOf(1, { content: 'Ask <@1>' })] })
    expect(row().dataset.you).toBe('true')
    expect(row().textContent).toContain('@Ada')
  })
})
