/** What floats above the screen: at most one dialog, and the toasts. */
import { createStore, type StoreApi } from 'zustand/vanilla'

/** Every dialog of the client with what it needs; app/dialogs.tsx shows the one that is set. */
export type Dialog =
  | { kind: 'create-server' }
  | { kind: 'use-invitation' }
  | { kind: 'create-channel'; serverId: string; parentId?: string }
  | { kind: 'create-category'; serverId: string }
  | { kind: 'rename-channel'; channelId: string }
  | { kind: 'delete-channel'; channelId: string }
  | { kind: 'invite'; serverId: string }
  | { kind: 'leave-server'; serverId: string }
  | { kind: 'delete-message'; channelId: string; messageId: string }
  | { kind: 'nickname'; serverId: string; userId: string }
  | { kind: 'mute-member'; serverId: string; userId: string }
  | { kind: 'kick-member'; serverId: string; userId: string }
  | { kind: 'ban-member'; serverId: string; userId: string }

export interface Toast {
  readonly id: number
  readonly text: string
  /** Errors stay until they are closed. */
  readonly look: 'note' | 'danger'
}

/** A person's card, and the element that it hangs on: focus goes back there. */
export interface Card {
  readonly serverId: string
  readonly userId: string
  readonly anchor: HTMLElement
}

export interface Stage {
  readonly dialog: Dialog | null
  readonly card: Card | null
  readonly toasts: readonly Toast[]
  show(dialog: Dialog): void
  hide(): void
  showCard(card: Card): void
  hideCard(): void
  toast(text: string, look?: Toast['look']): void
  dismiss(id: number): void
}

export type StageStore = StoreApi<Stage>

const TOAST_FOR = 5_000

/** Makes an empty stage. */
export function newStage(): StageStore {
  let last = 0
  return createStore<Stage>((set, get) => ({
    dialog: null,
    card: null,
    toasts: [],
    // A dialog takes the place of the card that it was asked for from.
    show: (dialog) => set({ dialog, card: null }),
    hide: () => set({ dialog: null }),
    showCard: (card) => set({ card }),
    hideCard: () => set({ card: null }),
    toast: (text, look = 'note') => {
      const id = ++last
      // The same words twice say nothing more.
      set({ toasts: [...get().toasts.filter((toast) => toast.text !== text), { id, text, look }] })
      if (look === 'note') setTimeout(() => get().dismiss(id), TOAST_FOR)
    },
    dismiss: (id) => set({ toasts: get().toasts.filter((toast) => toast.id !== id) }),
  }))
}
