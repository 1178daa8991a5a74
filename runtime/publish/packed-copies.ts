/**
 * Copies of many bytes, one behind the other in few buffers: a buffer for each small one costs more than all the rest of its way.
 *
 * The producer's thread. Nobody else ever sees the buffers. Bound: what is copied, and PADDING_BYTES for each; at the end of a piece
 * of PIECE_BYTES less than the next copy takes is not used.
 */

const PIECE_BYTES = 65_536
const PADDING_BYTES = 7

export class PackedCopies {
  #piece = new ArrayBuffer(0)
  #used = 0
  /** Bytes that are still to come, with their padding. */
  #left: number

  /** For so many copies of so many bytes in all. */
  constructor(count: number, bytes: number) {
    this.#left = bytes + count * PADDING_BYTES
  }

  /** `phase`: which byte of eight it is going to begin at in its record, so that it is copied there at full speed. */
  of(bytes: Uint8Array, phase: number): Uint8Array {
    const { length } = bytes
    let at = this.#used + ((phase - this.#used) & PADDING_BYTES)
    if (at + length > this.#piece.byteLength) {
      at = phase & PADDING_BYTES
      const piece = Math.max(Math.min(PIECE_BYTES, this.#left), at + length)
      this.#piece = Buffer.allocUnsafeSlow(piece).buffer as ArrayBuffer
    }
    this.#left -= length + PADDING_BYTES
    this.#used = at + length
    const copy = new Uint8Array(this.#piece, at, length)
    copy.set(bytes)
    return copy
  }
}
