/**
 * Bytes of one fetch, as consumers may have them: copies, made when they are looked at.
 *
 * The consumer's thread. The fetch itself is never handed out, so that nothing a consumer does to its bytes (changes them,
 * transfers them, keeps them) reaches the reader, a neighbour, or another attempt.
 *
 * A buffer for each small value would cost more than all the rest of its way. So values that are looked at one after the other
 * share pieces of PIECE_BYTES, copied at once and marked as untransferable: else who transfers one would take its neighbours'
 * bytes along. Where a piece was detached all the same (Node 20 does so for byte streams), the next look makes another.
 *
 * Bound: one piece at a time; a value that is kept keeps its piece.
 */
import { markAsUntransferable } from 'node:worker_threads'

const PIECE_BYTES = 8_192
/** What has so many bytes has a buffer of its own, which may be transferred. */
export const OWN_BYTES = 4_096
/** Looks that are further apart than that are not one after the other: a piece would be copied for one of them. */
const NEAR_BYTES = 512

export class FetchedBytes {
  readonly #buffer: Buffer
  /** The same as a plain array, whose slices are plain as well; made when it is needed. */
  #all: Uint8Array | null = null
  #piece: ArrayBuffer | null = null
  /** Where the piece begins and ends in the fetch. */
  #pieceStart = 0
  #pieceEnd = 0
  /** End of the last look. */
  #seen = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  /** A copy in a buffer of its own, which may be transferred. */
  own(start: number, end: number): Uint8Array {
    const { buffer, byteOffset, length } = this.#buffer
    this.#all ??= new Uint8Array(buffer, byteOffset, length)
    return this.#all.slice(start, end)
  }

  /** A copy that nobody has changed; one below OWN_BYTES cannot be transferred. */
  fresh(start: number, end: number): Uint8Array {
    const bytes = this.own(start, end)
    if (end - start < OWN_BYTES) markAsUntransferable(bytes.buffer)
    return bytes
  }

  /** As `fresh`; a small one may be in a piece with others, and comes out as it was left by the last look at it. */
  shared(start: number, end: number): Uint8Array {
    if (end - start >= OWN_BYTES) return this.own(start, end)
    const isNear = start >= this.#seen && start - this.#seen < NEAR_BYTES
    this.#seen = end
    const piece = this.#piece
    if (piece !== null && start >= this.#pieceStart && end <= this.#pieceEnd && piece.byteLength > 0)
      return new Uint8Array(piece, start - this.#pieceStart, end - start)
    return isNear ? new Uint8Array(this.#nextPiece(start), 0, end - start) : this.fresh(start, end)
  }

  #nextPiece(start: number): ArrayBuffer {
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, this.#buffer.length - start))
    this.#buffer.copy(piece, 0, start)
    const store = piece.buffer as ArrayBuffer
    markAsUntransferable(store)
    this.#piece = store
    this.#pieceStart = start
    this.#pieceEnd = start + piece.length
    return store
  }
}
