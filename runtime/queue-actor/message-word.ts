/**
 * The word of a message: all that a successor of its partition host must know of it beside its record, so that one store changes it.
 *
 * ```
 * bits 0-1    state: LIVE, SETTLED, DYING, or MOVED: it lies elsewhere in the window, and its word with it
 *      2      it may have killed its thread
 *      3-5    why it dies (REASONS)
 *      6-17   failures, 4,095 at most
 *      18-31  hand-outs that are over, 16,383 at most
 * ```
 *
 * Leaf, the partition host's thread. 0 is a message that was never handed out.
 */
import { CLAIM_ATTEMPT_MAX } from 'sharedarraybuffer-ring'
import type { LetterReason } from '../queue/queue-words.ts'

export const LIVE = 0
export const SETTLED = 1
export const DYING = 2
export const MOVED = 3

const STATE_MASK = 3
const SUSPECT = 4
const REASON_SHIFT = 3
const REASON_MASK = 7
const FAILURES_SHIFT = 6
const FAILURES_MAX = 0xfff
const HAND_OUTS_SHIFT = 18
const HAND_OUTS_MAX = 0x3fff

const REASONS: readonly LetterReason[] = ['failed', 'rejected', 'decode', 'timeout', 'crashed', 'maxlen', 'expired']

export interface MessageState {
  readonly handOuts: number
  readonly failures: number
  readonly suspect: boolean
  /** Null: it does not die. */
  readonly dying: LetterReason | null
}

export function messageWord({ handOuts, failures, suspect, dying }: MessageState): number {
  return (
    (dying === null ? LIVE : DYING | (REASONS.indexOf(dying) << REASON_SHIFT)) |
    (suspect ? SUSPECT : 0) |
    (Math.min(failures, FAILURES_MAX) << FAILURES_SHIFT) |
    (Math.min(handOuts, HAND_OUTS_MAX) << HAND_OUTS_SHIFT)
  )
}

export function stateIn(word: number): number {
  return word & STATE_MASK
}

/** What the word of a message says that is not settled. */
export function messageState(word: number): MessageState {
  return {
    handOuts: word >>> HAND_OUTS_SHIFT,
    failures: (word >>> FAILURES_SHIFT) & FAILURES_MAX,
    suspect: (word & SUSPECT) !== 0,
    dying: stateIn(word) === DYING ? (REASONS[(word >>> REASON_SHIFT) & REASON_MASK] ?? 'failed') : null,
  }
}

/**
 * Whether a hand-out of this number is over, and what follows from it is in the word. Of a message that was handed out very often it cannot be
 * told: then it is not, since two consumers must not have it.
 */
export function isOver(word: number, attempt: number): boolean {
  return stateIn(word) === SETTLED || (attempt < CLAIM_ATTEMPT_MAX && word >>> HAND_OUTS_SHIFT >= attempt)
}
