/**
 * The answer to a request, on its way from a queue's consumer to the caller: whose it is, how it ended, and its bytes.
 *
 * ```
 * to the host, as a settlement (link.ts) that is also an ack
 *   32 f64 request   40 i32 client   44 i32 answer   48 i32 bytes before   52 i32 bytes of all   56 bytes
 * to the thread     0 i32 length, a multiple of 32   4 i32 kind (ANSWER)   8 i32 answer   12 i32 bytes of all
 *                  16 f64 request  24 i32 bytes before  28 i32 bytes in this one  32 bytes
 * ```
 *
 * A client is a thread, by its number. `request` has the thread's tag (layout.ts) in its upper 21 bits, and the thread's own
 * number of the request below. No other thread that has had the number of this one, in whatever process, has its tag. Long answers go in
 * pieces, in order.
 *
 * Leaf, any thread. Bounds: PIECE_TO_HOST and PIECE_TO_THREAD bytes of a piece.
 */

/** Who waits for an answer, and to which of its requests. */
export interface RequestAddress {
  readonly client: number
  readonly request: number
}

/** How a request ended: by a value, or the reason why there is none. The bytes are the value, or the error as JSON. */
export const ANSWERS = [
  'nothing',
  'json',
  'bytes',
  'failed',
  'rejected',
  'timeout',
  'crashed',
  'decode',
  'expired',
  'maxlen',
  'cancelled',
  'purged',
  'reply',
  'lost',
] as const
export type AnswerKind = (typeof ANSWERS)[number]
/** Those that are values. */
export type ValueKind = 'nothing' | 'json' | 'bytes'

export interface RequestAnswer {
  readonly to: RequestAddress
  readonly kind: AnswerKind
  readonly bytes: Uint8Array
}

/** A part of one. */
export interface AnswerPiece {
  readonly to: RequestAddress
  readonly kind: AnswerKind
  /** Bytes that came before, and of all. */
  readonly before: number
  readonly all: number
  readonly bytes: Uint8Array
}

export const PIECE_TO_HOST = 16_384
export const PIECE_TO_THREAD = 8_192
/** Where a settlement has the rest of it. */
export const SETTLEMENT_CLIENT = 40
export const SETTLEMENT_ANSWER_BYTES = 56
/** Before the bytes of a piece to a thread. */
export const ANSWER_BYTES = 32

const TAG_UNIT = 2 ** 32
export const TAGS: number = 2 ** 21

/** `number` is below 2^32. */
export function requestNumber(tag: number, number: number): number {
  return tag * TAG_UNIT + number
}

export function tagOf(request: number): number {
  return Math.floor(request / TAG_UNIT)
}

/** Puts the pieces of an answer together, which come one behind the other. One process's pieces that are not whole come to nothing. */
export class AnswerParts {
  #bytes: Uint8Array | null = null
  #filled = 0

  /** All bytes, once this was the last piece; null: more come. `lost`: some that came before are not here. */
  take({ before, all, bytes }: Pick<AnswerPiece, 'before' | 'all' | 'bytes'>): Uint8Array | 'lost' | null {
    if (before === 0 && bytes.length === all) return bytes
    if (before === 0) {
      this.#bytes = new Uint8Array(all)
      this.#filled = 0
    }
    const end = before + bytes.length
    if (this.#bytes === null || this.#filled !== before || this.#bytes.length !== all) {
      this.#bytes = null
      return end === all ? 'lost' : null
    }
    this.#bytes.set(bytes, before)
    this.#filled = end
    if (end < all) return null
    const whole = this.#bytes
    this.#bytes = null
    return whole
  }
}
