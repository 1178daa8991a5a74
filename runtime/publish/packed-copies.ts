/**
 * Copies of many bytes, one behind the other in few buffers: a buffer for each small one costs more than all the rest of its way.
 *
 * The producer's thread. Nobody else ever sees the buffers. Bound: what is copied, and at most PIECE_BYTES that are not used.
 */

const PIECE_BYTES = 65_536

export class PackedCopies {
  #piece = new ArrayBuffer(0)
  #used = 0

  /** `phase`: which byte of eight it is going to begin at in its record, so that it is copied there at full speed. */
  of(bytes: Uint8Array, phase: number): Uint8Array {
    const { length } = bytes
    let at = this.#used + ((phase - this.#used) & 7)
    if (at + length > this.#piece.byteLength) {
      at = phase & 7
      this.#piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, at + length)).buffer as ArrayBuffer
    }
    this.#used = at + length
    const copy = new Uint8Array(this.#piece, at, length)
    copy.set(bytes)
    return copy
  }
}
