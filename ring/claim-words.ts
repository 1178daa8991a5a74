/**
 * The words of claims: what one thread has handed out to another, which of that the other has begun, and how each ended.
 *
 * A sender hands messages out to one receiver, ahead of what that can handle. It may take back what the receiver has not begun, and
 * each message is held by one of them at any moment. Two threads, and no word has two writers:
 *
 * ```
 * +0    NEXT      sender writes, its successor reads    the tag after the newest
 * +4    EPOCH     sender writes, its successor reads    number of the receiver that all this is handed out to
 * +128  CLAIM     receiver writes, sender reads         `entries` words: a tag and what the receiver did with it (CLAIM_STATE)
 *       RECALL    sender writes, receiver reads         `entries` words: the tag that is not to be begun any more; 0: none
 *       TABLE     sender writes, its successor reads    `entries` times 16 bytes, what is handed out under a tag:
 *                 +0 low word of its number   +4 bits 0-20 high word, 21-31 attempt (2,047: that many or more)
 *                 +8 tag; 0: free   +12 position after it in the ring that it was sent by
 *       hints     receiver writes, sender reads         runs of entries that were ended (hints.ts): bits 0-15 the first, 16-31 how many
 * ```
 *
 * A tag is a number of 29 bits, from 1 on, and never 0. It stands in the entry `tag % entries`, and in words shifted by three bits. An
 * entry is used again when the receiver has come past its tag. The receiver writes a state under the tags that it was sent, in that
 * order, so that words of an older tag say nothing of a newer one.
 *
 * ```
 * receiver, before it begins (ClaimReceiver)        sender that takes back (ClaimSender)
 * CLAIM = entering                                  RECALL = tag
 * load RECALL: this tag?                            load CLAIM: of this tag?
 *   no:  CLAIM = begun                                no, or yielded: it is the sender's again
 *   yes: CLAIM = yielded                              entering: not known yet   begun: it stays with the receiver
 * ```
 *
 * This is Dekker's argument. All these accesses are atomic, hence in one order, and one of the two sees what the other has stored.
 * `entering` is no answer: the receiver has not decided. If it dies there, it has not begun.
 *
 * All else follows from these words, and who reads them after a death knows what the dead one knew. An end that is in CLAIM counts,
 * whether its writer lives or not. Plain accesses: NEXT, EPOCH and TABLE, which nobody but the sender touches while it lives.
 *
 * Bound: `entries` messages at a time, a power of two up to 32,768. Nothing in here waits.
 */
import { hintsBytes } from './hints.ts'
import { LINE_BYTES } from './layout.ts'

export const CLAIM_NEXT = 0
export const CLAIM_EPOCH = 4
export const CLAIM_WORDS: number = LINE_BYTES
export const TABLE_BYTES = 16

const STATE_BITS = 3
const STATE_MASK = 7
/** The highest tag; 1 follows it. */
export const TAG_MAX = 0x1fffffff
const HIGH_BITS = 21
const HIGH_MASK = 0x1fffff
const TWO_32 = 4_294_967_296
const ENTRIES_MAX = 32_768

/** Highest attempt that TABLE tells apart. */
export const CLAIM_ATTEMPT_MAX = 2_047

/**
 * What a receiver did with what it was handed. `released`: it had begun, and gives it back; `reported`: how it ended is told
 * elsewhere, and was published there before.
 */
export const CLAIM_STATE = { none: 0, entering: 1, begun: 2, yielded: 3, acked: 4, released: 5, reported: 6 } as const
export type ClaimState = (typeof CLAIM_STATE)[keyof typeof CLAIM_STATE]

/** Where a message is that was handed out and not taken off the table. */
export type Standing =
  /** With the receiver, which has not begun it. */
  | 'waiting'
  /** The receiver is about to begin it, or to yield. */
  | 'entering'
  | 'begun'
  | 'acked'
  | 'released'
  | 'reported'
  /** The sender's again: not begun, and it never will be. Its entry is in use until the receiver has come past it. */
  | 'recalled'
  /** The receiver has come past it, and has not begun it. */
  | 'yielded'

/** Addresses of the words of some claims. */
export interface ClaimPlaces {
  readonly mask: number
  readonly claim: number
  readonly recall: number
  readonly table: number
  readonly hints: number
  readonly hintEntries: number
}

/** Where everything is, for claims at this address; a `RangeError` when `entries` is not possible. */
export function claimPlaces(address: number, entries: number): ClaimPlaces {
  if (!Number.isInteger(entries) || entries < 1 || entries > ENTRIES_MAX || (entries & (entries - 1)) !== 0)
    throw new RangeError(`give a power of two of entries up to ${ENTRIES_MAX}, not ${entries}`)
  const words = lines(4 * entries)
  const claim = address + CLAIM_WORDS
  const recall = claim + words
  const table = recall + words
  const hintEntries = Math.max(1, entries >> 2)
  return { mask: entries - 1, claim, recall, table, hints: table + lines(TABLE_BYTES * entries), hintEntries }
}

/** Shared bytes of claims with so many entries. They begin as zeros. */
export function claimsBytes(entries: number): number {
  const { hints, hintEntries } = claimPlaces(0, entries)
  return lines(hints + hintsBytes(hintEntries))
}

function lines(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES
}

/** The tag after this one. */
export function tagAfter(tag: number): number {
  return tag === TAG_MAX ? 1 : tag + 1
}

/** The word that says this of a tag. */
export function claimWord(tag: number, state: ClaimState): number {
  return (tag << STATE_BITS) | state
}

/** The word that recalls a tag. */
export function recallWord(tag: number): number {
  return claimWord(tag, CLAIM_STATE.entering)
}

/** The state in a word of CLAIM, if it is of this tag. */
export function stateOf(word: number, tag: number): ClaimState {
  return word >>> STATE_BITS === tag ? ((word & STATE_MASK) as ClaimState) : CLAIM_STATE.none
}

const STANDINGS = ['waiting', 'entering', 'begun', 'yielded', 'acked', 'released', 'reported'] as const

/** Where the message of a tag is, by its two words. CLAIM is to be loaded after RECALL was stored. */
export function standingOf(tag: number, claim: number, recall: number): Standing {
  const state = stateOf(claim, tag)
  if (state === CLAIM_STATE.none && recall === recallWord(tag)) return 'recalled'
  return STANDINGS[state] ?? 'waiting'
}

/** The word of TABLE for the upper part of a number below 2^53, and an attempt. */
export function tableHigh(number: number, attempt: number): number {
  return Math.floor(number / TWO_32) | (Math.min(attempt, CLAIM_ATTEMPT_MAX) << HIGH_BITS)
}

/** The number that stands in these two words of TABLE. */
export function tableNumber(low: number, high: number): number {
  return (high & HIGH_MASK) * TWO_32 + (low >>> 0)
}

/** The attempt that stands there. */
export function tableAttempt(high: number): number {
  return high >>> HIGH_BITS
}
