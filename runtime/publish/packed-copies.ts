/**
 * Copies of many bytes, one behind the other in few buffers: a buffer for each small one costs more than all the rest of its way.
 *
 * The producer's thread. Nobody else ever sees the buffers. So those of a batch that is out go to the next one that waits: many bytes
 * of new buffers make V8 collect its whole heap. Bound: what is copied, and PADDING_BYTES for each; at the end of a piece of PIECE_BYTES
 * less than the next copy takes is not used. Of pieces that hold no copy now, FREE_MAX are kept (8 MiB) while a batch waits.
 */

const PIECE_BYTES = 65_536
const PADDING_BYTES = 7
const FREE_MAX = 128

/** Pieces that were used, and are to be used again. */
export class FreePieces {
  #free: ArrayBuffer[] = []

  take(): ArrayBuffer {
    return this.#free.pop() ?? newPiece(PIECE_BYTES)
  }

  give(piece: ArrayBuffer): void {
    if (this.#free.length < FREE_MAX) this.#free.push(piece)
  }

  clear(): void {
    this.#free = []
  }
}

export class PackedCopies {
  #piece = new ArrayBuffer(0)
  #used = 0
  /** Bytes that are still to come, with their padding. */
  #left: number
  readonly #pieces: FreePieces
  /** Those of PIECE_BYTES. */
  readonly #taken: ArrayBuffer[] = []

  /** For so many copies of so many bytes in all. */
  constructor(count: number, bytes: number, pieces: FreePieces) {
    this.#left = bytes + count * PADDING_BYTES
    this.#pieces = pieces
  }

  /** `phase`: which byte of eight it is going to begin at in its record, so that it is copied there at full speed. */
  of(bytes: Uint8Array, phase: number): Uint8Array {
    const { length } = bytes
    let at = this.#used + ((phase - this.#used) & PADDING_BYTES)
    if (at + length > this.#piece.byteLength) {
      at = phase & PADDING_BYTES
      this.#piece = this.#pieceOf(Math.max(Math.min(PIECE_BYTES, this.#left), at + length))
    }
    this.#left -= length + PADDING_BYTES
    this.#used = at + length
    const copy = new Uint8Array(this.#piece, at, length)
    copy.set(bytes)
    return copy
  }

  #pieceOf(bytes: number): ArrayBuffer {
    if (bytes !== PIECE_BYTES) return newPiece(bytes)
    const piece = this.#pieces.take()
    this.#taken.push(piece)
    return piece
  }

  /** No copy is read any more. */
  release(): void {
    for (const piece of this.#taken.splice(0)) this.#pieces.give(piece)
  }
}

function newPiece(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer
}
