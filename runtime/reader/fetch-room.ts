/**
 * One buffer for all fetches of a reader whose consumer keeps nothing that refers to them.
 *
 * The reader's thread. A buffer for each fetch is memory outside of V8's heap. Where consumers leave little garbage, V8 frees it by
 * collections of the whole heap, which take longer than the records do.
 *
 * Bound: FETCH_BYTES for each reader. What takes more has a buffer of its own.
 */
import { FETCH_BYTES } from './frame-source.ts'

export class FetchRoom {
  #room: Buffer | null = null

  /** So many bytes, with whatever is in them. What was taken before is over. */
  take(bytes: number): Buffer {
    if (bytes > FETCH_BYTES) return Buffer.allocUnsafeSlow(bytes)
    this.#room ??= Buffer.allocUnsafeSlow(FETCH_BYTES)
    return this.#room.subarray(0, bytes)
  }
}
