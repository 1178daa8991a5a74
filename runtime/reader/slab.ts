/**
 * Small buffers that share larger ones, which cannot be transferred: a buffer of its own for each costs more than what is read from it.
 *
 * The consumer's thread. Bound: one buffer that is not used up; who keeps a small one keeps all of the one that it is part of.
 */
import { markAsUntransferable } from 'node:worker_threads'

export class Slab {
  readonly #bytes: number
  #room: Buffer = Buffer.alloc(0)
  #used = 0

  /** `bytes`: of each buffer that is shared. */
  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** So many bytes, no more than are shared, with whatever is in them; they begin at a multiple of 8. */
  take(bytes: number): Buffer {
    // One that was detached all the same has no room.
    if (this.#used + bytes > this.#room.length) {
      this.#room = Buffer.allocUnsafeSlow(this.#bytes)
      markAsUntransferable(this.#room.buffer)
      this.#used = 0
    }
    const start = this.#used
    this.#used += (bytes + 7) & ~7
    return this.#room.subarray(start, start + bytes)
  }
}
