/**
 * Keeps the reader's place. One rule: after every change of what the list holds, the row at the top edge stands
 * where it stood, unless the reader is at the bottom, and then the bottom stays. The browser's own anchoring is
 * off, since it knows nothing of rows that are cut.
 */
import type { Anchor } from '@/store/scroll-memory'

/** This near to the bottom counts as there. */
const AT_BOTTOM = 40
/** Edges are filled this far ahead of the reader. */
const AHEAD = 800

export class Scroller {
  private readonly view: HTMLElement
  private anchor: Anchor | null
  private sticking: boolean

  constructor(view: HTMLElement, start: Anchor | null) {
    this.view = view
    this.anchor = start
    this.sticking = start === null
  }

  /** Whether the bottom is being followed. */
  get atBottom(): boolean {
    return this.sticking
  }

  /** The place to come back to; null is the bottom. */
  get place(): Anchor | null {
    return this.sticking ? null : this.anchor
  }

  get nearTop(): boolean {
    return this.view.scrollTop < AHEAD
  }

  get nearBottom(): boolean {
    return this.rest < AHEAD
  }

  private get rest(): number {
    return this.view.scrollHeight - this.view.clientHeight - this.view.scrollTop
  }

  /** The reader scrolled, or the list settled: notes the place. complete says that the newest row is shown. */
  note(complete: boolean): void {
    this.sticking = complete && this.rest < AT_BOTTOM
    const top = this.view.scrollTop
    const row = this.rowAt(top)
    this.anchor = row === null ? null : { id: row.dataset.id ?? '', offset: row.offsetTop - top }
  }

  /** Puts the reader back after the list changed. */
  restore(): void {
    if (this.sticking) {
      this.view.scrollTop = this.view.scrollHeight
      return
    }
    if (this.anchor === null) return
    const row = this.find(this.anchor.id)
    if (row === null) return
    const moved = row.offsetTop - this.view.scrollTop - this.anchor.offset
    if (moved !== 0) this.view.scrollTop += moved
  }

  /** Follows the bottom from now on. */
  toBottom(): void {
    this.sticking = true
    this.restore()
  }

  /** Puts a row in the middle; answers whether it is in the document. */
  toRow(id: string): boolean {
    const row = this.find(id)
    if (row === null) return false
    row.scrollIntoView({ block: 'center' })
    this.sticking = false
    this.anchor = { id, offset: row.offsetTop - this.view.scrollTop }
    return true
  }

  private find(id: string): HTMLElement | null {
    return this.view.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)
  }

  /** The first row that reaches below a height: rows lie in order, so halving finds it. */
  private rowAt(top: number): HTMLElement | null {
    const rows = this.view.querySelectorAll<HTMLElement>('[data-id]')
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >> 1
      const row = rows[middle]
      if (row !== undefined && row.offsetTop + row.offsetHeight <= top) low = middle + 1
      else high = middle
    }
    return rows[low] ?? null
  }
}
