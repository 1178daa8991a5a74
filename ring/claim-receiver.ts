/**
 * The receiver's side of claims (claim-words.ts): begins what it was handed, and says how that ended. One thread only.
 *
 * It is handed tags in the order in which they were sent, and calls `begin` or `yield` once for each, in that order or another. What it
 * has ended is found by the sender when it says `publish`; in the words it is at once, and counts also if this thread dies before.
 *
 * Bound: none of its own; it never holds more than the entries of the claims. No call waits.
 */
import { CLAIM_STATE, type ClaimPlaces, type ClaimState, claimPlaces, claimWord, recallWord } from './claim-words.ts'
import { HintWriter } from './hints.ts'
import type { Memory } from './memory.ts'

const RUN_SHIFT = 16
/** A run is told in 16 bits. */
const RUN_MAX = 32_767

export class ClaimReceiver {
  readonly #memory: Memory
  readonly #places: ClaimPlaces
  readonly #hints: HintWriter
  /** Entries ended one after the other, and not told of yet: the first, and how many. */
  #first = 0
  #ended = 0

  /** The next receiver of these claims; the last one has exited. */
  constructor(memory: Memory, address: number, entries: number) {
    this.#memory = memory
    this.#places = claimPlaces(address, entries)
    this.#hints = new HintWriter(memory, this.#places.hints, this.#places.hintEntries)
  }

  /** Begins a message; false: it was taken back, and is not to be touched. */
  begin(tag: number): boolean {
    const { claim, recall, mask } = this.#places
    const at = 4 * (tag & mask)
    this.#memory.store(claim + at, claimWord(tag, CLAIM_STATE.entering))
    if (this.#memory.load(recall + at) === recallWord(tag)) {
      this.#end(tag, CLAIM_STATE.yielded)
      return false
    }
    this.#memory.store(claim + at, claimWord(tag, CLAIM_STATE.begun))
    return true
  }

  /** Gives back what was not begun, whether it was recalled or not. */
  yield(tag: number): void {
    this.#end(tag, CLAIM_STATE.yielded)
  }

  /** Whether this has begun and not ended. */
  isBegun(tag: number): boolean {
    const { claim, mask } = this.#places
    // Its own word.
    return this.#memory.i32[(claim >> 2) + (tag & mask)] === claimWord(tag, CLAIM_STATE.begun)
  }

  /** It is done; false: it has not begun, or ended already, and nothing is changed. */
  ack(tag: number): boolean {
    return this.isBegun(tag) && this.#end(tag, CLAIM_STATE.acked)
  }

  /** Gives back what was begun; false as for `ack`. */
  release(tag: number): boolean {
    return this.isBegun(tag) && this.#end(tag, CLAIM_STATE.released)
  }

  /** How it ended is published elsewhere; false as for `ack`. */
  report(tag: number): boolean {
    return this.isBegun(tag) && this.#end(tag, CLAIM_STATE.reported)
  }

  #end(tag: number, state: ClaimState): boolean {
    const { claim, mask } = this.#places
    const entry = tag & mask
    this.#memory.store(claim + 4 * entry, claimWord(tag, state))
    if (this.#ended > 0 && (this.#ended === RUN_MAX || ((this.#first + this.#ended) & mask) !== entry)) this.publish()
    if (this.#ended === 0) this.#first = entry
    this.#ended++
    return true
  }

  /** Lets the sender find what was ended since the last time; whether there was anything. */
  publish(): boolean {
    if (this.#ended === 0) return false
    this.#hints.add(this.#first | (this.#ended << RUN_SHIFT))
    this.#ended = 0
    return true
  }
}
