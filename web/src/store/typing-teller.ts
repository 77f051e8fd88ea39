/** Tells the others that the user writes: as often as one likes, it is sent every few seconds while it lasts. */

/** The server drops what comes sooner than every two seconds. */
const EVERY = 2_500

export class TypingTeller {
  private readonly now: () => number
  private readonly send: (channelId: string) => boolean
  private told = Number.NEGATIVE_INFINITY
  private timer: ReturnType<typeof setTimeout> | null = null

  /** send says whether the word went out. */
  constructor(now: () => number, send: (channelId: string) => boolean) {
    this.now = now
    this.send = send
  }

  typing(channelId: string): void {
    const wait = this.told + EVERY - this.now()
    if (wait <= 0) {
      this.stop()
      if (this.send(channelId)) this.told = this.now()
    } else {
      this.timer ??= setTimeout(() => {
        this.timer = null
        this.typing(channelId)
      }, wait)
    }
  }

  /** The user writes no more: nothing is left to tell. */
  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }
}
