/**
 * Bytes of one fetch, as consumers may have them: copies, made when they are looked at.
 *
 * The consumer's thread. The fetch itself is never handed out, so that nothing a consumer does to its bytes (changes them,
 * transfers them, keeps them) reaches the reader, a neighbour, or another attempt.
 *
 * A buffer for each small value would cost more than all the rest of its way. So values that are looked at one after the other
 * share pieces, copied at once and marked as untransferable: else who transfers one would take its neighbours' bytes along.
 * Where a piece was detached all the same (Node 20 does so for byte streams), the next look makes another.
 *
 * Bound: one piece at a time; a value that is kept keeps its piece.
 */
import { markAsUntransferable } from 'node:worker_threads'

/** A piece has so many bytes, or PIECE_VALUES times as many as the value that it begins with. */
const PIECE_BYTES = 8_192
/** A buffer for each few values is what pieces are to save; and who keeps a value keeps so many times its size at most. */
const PIECE_VALUES = 64
/** What has so many bytes has a buffer of its own, which may be transferred. */
export const OWN_BYTES = 4_096
/** Looks that are further apart than that are not one after the other: a piece would be copied for one of them. */
const NEAR_BYTES = 512

const NO_PIECE = new Uint8Array(0)

export class FetchedBytes {
  readonly #buffer: Buffer
  /** The same as a plain array, whose slices are plain as well; made when it is needed. */
  #all: Uint8Array | null = null
  /** Its bytes as an array, too, which says at less cost than the buffer does whether that was detached. */
  #piece: Uint8Array = NO_PIECE
  #store: ArrayBuffer = NO_PIECE.buffer as ArrayBuffer
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
    const length = end - start
    if (start < this.#pieceStart || end > this.#pieceEnd || length >= OWN_BYTES || this.#piece.length === 0)
      return this.#elsewhere(start, end)
    this.#seen = end
    return new Uint8Array(this.#store, start - this.#pieceStart, length)
  }

  #elsewhere(start: number, end: number): Uint8Array {
    const length = end - start
    if (length >= OWN_BYTES) return this.own(start, end)
    const isNear = start >= this.#seen && start - this.#seen < NEAR_BYTES
    this.#seen = end
    if (!isNear) return this.fresh(start, end)
    this.#takePiece(start, Math.max(PIECE_BYTES, length * PIECE_VALUES))
    return new Uint8Array(this.#store, 0, length)
  }

  #takePiece(start: number, bytes: number): void {
    const piece = Buffer.allocUnsafeSlow(Math.min(bytes, this.#buffer.length - start))
    this.#buffer.copy(piece, 0, start)
    this.#piece = piece
    this.#store = piece.buffer as ArrayBuffer
    markAsUntransferable(this.#store)
    this.#pieceStart = start
    this.#pieceEnd = start + piece.length
  }
}
