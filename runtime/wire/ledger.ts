/**
 * State of the records from the committed offset on, for the next reader: hand-outs, and records settled out of order.
 *
 * Shared memory, one word for each record. In a slot the reader writes it, plainly, for handlers with more than one
 * record in hand. In a group block the partition host writes it, when a slot is closed. It is read only after its
 * writer has ended or released it. A word names its record, so that no word needs to be cleared: the word of an older
 * record is ignored.
 *
 * ```
 *   word at offset % LEDGER_RECORDS     bits 0-7 hand-outs (255: that many or more)   8 settled   9 out
 *                                       10-31 offset / LEDGER_RECORDS
 * ```
 *
 * Bound: LEDGER_RECORDS records from the committed offset on; of those further ahead nothing is kept.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { LEDGER_RECORDS } from './layout.ts'

const ATTEMPTS_MAX = 255
const SETTLED = 256
const OUT = 512
/** The word of a record is its offset's, but for the bits that say its place among the words: their room is for its state. */
const PLACE_MASK = LEDGER_RECORDS - 1

export interface LedgerEntry {
  readonly deliveryAttempt: number
  readonly settled: boolean
  readonly out: boolean
}

export class Ledger {
  readonly #memory: Memory
  readonly #at: number

  constructor(memory: Memory, address: number) {
    this.#memory = memory
    this.#at = address >> 2
  }

  #write(offset: number, deliveryAttempt: number, flags: number): void {
    const attempts = deliveryAttempt < ATTEMPTS_MAX ? deliveryAttempt : ATTEMPTS_MAX
    this.#memory.i32[this.#at + (offset & PLACE_MASK)] = (offset & ~PLACE_MASK) | flags | attempts
  }

  /** The record is in a handler's hands for the `deliveryAttempt`-th time. */
  handOut(offset: number, deliveryAttempt: number): void {
    this.#write(offset, deliveryAttempt, OUT)
  }

  /** It was handed back, or failed. */
  back(offset: number, deliveryAttempt: number): void {
    this.#write(offset, deliveryAttempt, 0)
  }

  /** It is settled for good. */
  settle(offset: number, deliveryAttempt: number): void {
    this.#write(offset, deliveryAttempt, SETTLED)
  }

  /** State of a record; null: nothing is known. */
  of(offset: number): LedgerEntry | null {
    const word = this.#memory.i32[this.#at + (offset & PLACE_MASK)] as number
    if (word === 0 || ((word ^ offset) & ~PLACE_MASK) !== 0) return null
    return { deliveryAttempt: word & ATTEMPTS_MAX, settled: (word & SETTLED) !== 0, out: (word & OUT) !== 0 }
  }

  /** Forgets everything. */
  reset(): void {
    this.#memory.i32.fill(0, this.#at, this.#at + LEDGER_RECORDS)
  }

  /** Takes over what another knows of the records from `from` on, and forgets everything else. */
  takeOver(other: Ledger, from: number): void {
    for (let offset = from; offset < from + LEDGER_RECORDS; offset++) {
      const entry = other.of(offset)
      if (entry === null) this.#memory.i32[this.#at + (offset & PLACE_MASK)] = 0
      else this.#write(offset, entry.deliveryAttempt, (entry.settled ? SETTLED : 0) | (entry.out ? OUT : 0))
    }
  }
}
