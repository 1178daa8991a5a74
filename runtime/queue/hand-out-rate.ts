/**
 * How many messages a queue may hand out now, where at most so many may go within any time.
 *
 * The partition host's thread. Pure. Each hand-out counts, also the second one of a message. One that is taken back in the moment in which
 * it went, because its consumer had no room, was none; later it counts, as its consumer may have seen it. Bound: that of token-bucket.ts.
 */
import { TokenBucket } from '../base/token-bucket.ts'
import type { QueueRate } from './queue-words.ts'

export class HandOutRate {
  readonly #bucket: TokenBucket
  /** When something went last, and the first tag that was given then. */
  #lastMs = Number.NEGATIVE_INFINITY
  #firstTag = 0

  constructor({ max, perMs }: QueueRate) {
    this.#bucket = new TokenBucket(max, perMs)
  }

  /** How many may go at this moment. */
  allowed(nowMs: number): number {
    return this.#bucket.available(nowMs)
  }

  /** How many could go when that was asked last. */
  get left(): number {
    return this.#bucket.left
  }

  /** When the next one may go, if none is left. */
  get nextMs(): number {
    return this.#bucket.nextMs
  }

  /** So many went, with tags from this one on. */
  took(count: number, firstTag: number, nowMs: number): void {
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs
      this.#firstTag = firstTag
    }
    this.#bucket.take(count, nowMs)
  }

  /** The hand-out of this tag was taken back before it began. */
  takenBack(tag: number): void {
    if (tag >= this.#firstTag) this.#bucket.giveBack(1)
  }

  /** What counts, in the order in which it went. */
  counted(): { readonly ms: number; readonly count: number }[] {
    return this.#bucket.taken()
  }
}
