/** Where each channel was left: a row and how far below the top edge it stood. Null is the bottom. */

export interface Anchor {
  readonly id: string
  readonly offset: number
}

export class ScrollMemory {
  private readonly places = new Map<string, Anchor>()

  keep(channelId: string, anchor: Anchor | null): void {
    if (anchor === null) this.places.delete(channelId)
    else this.places.set(channelId, anchor)
  }

  placeOf(channelId: string): Anchor | null {
    return this.places.get(channelId) ?? null
  }
}
