/**
 * The sender's side of claims (claim-words.ts): what is handed out to one receiver, taken back, and ended. One thread only.
 *
 * What was ended is looked for where the receiver hints: its cost is that of the entries ended, and a look at all of them after a quarter
 * as many ends at least. A message stays on the table until `free`: who reads an end and dies leaves it to its successor, which reads it
 * again. So an end is to be acted upon first, in a way that may be repeated, and its entry freed then.
 *
 * Bound: the entries; `handOut` says `NO_ENTRY` beyond them. No call waits.
 */
import {
  CLAIM_EPOCH,
  CLAIM_NEXT,
  CLAIM_STATE,
  type ClaimPlaces,
  claimPlaces,
  claimWord,
  recallWord,
  type Standing,
  standingOf,
  stateOf,
  TAG_MAX,
  tableAttempt,
  tableHigh,
  tableNumber,
  tagAfter,
} from './claim-words.ts'
import { HintReader } from './hints.ts'
import type { Memory } from './memory.ts'

/** Returned by `handOut` when each entry is in use. */
export const NO_ENTRY = 0

const RUN_SHIFT = 16
const RUN_FIRST = 0xffff

/** A message on the table. */
export interface HandedOut {
  readonly tag: number
  readonly number: number
  /** 2,047: that many or more. */
  readonly attempt: number
  readonly standing: Standing
  /** Position after it in the ring that it was sent by. */
  readonly sentEnd: number
}

/** Who is handed over what a receiver has ended. */
export interface ClaimEnds {
  /** So many were acked, from this tag on; they stand in entries one behind the other. */
  acked(first: number, count: number): void
  /** One has ended otherwise. */
  ended(tag: number, number: number, standing: Standing): void
}

export class ClaimSender {
  readonly #memory: Memory
  readonly #address: number
  readonly #places: ClaimPlaces
  readonly #hints: HintReader
  #next: number
  /** Entries in use. */
  #used = 0
  /** Some hints were lost, or nothing is known of those before: all entries are to be looked at. */
  #looksEverywhere: boolean

  /** Takes over claims as the last sender left them; zeros are claims with nothing on the table. */
  constructor(memory: Memory, address: number, entries: number) {
    this.#memory = memory
    this.#address = address
    this.#places = claimPlaces(address, entries)
    this.#hints = new HintReader(memory, this.#places.hints, this.#places.hintEntries)
    const words = memory.i32
    // Zeros are claims in which no tag was used.
    this.#next = Math.max(1, words[(address + CLAIM_NEXT) >> 2] as number)
    for (let entry = 0; entry < entries; entry++) if (this.#tagAt(entry) !== 0) this.#used++
    this.#looksEverywhere = this.#used > 0
  }

  /** The number of the receiver; 0 before the first. */
  get epoch(): number {
    return this.#memory.i32[(this.#address + CLAIM_EPOCH) >> 2] as number
  }

  /** How many hints of ends it has looked at; wraps. */
  get seen(): number {
    return this.#hints.seen
  }

  /** Entries in use: handed out, or recalled and not passed by the receiver. */
  get used(): number {
    return this.#used
  }

  /** Whether nothing more can be handed out. */
  get isFull(): boolean {
    return this.#used > this.#places.mask
  }

  /** All is for another receiver from now on. The last one has exited, and nothing is on the table. */
  open(epoch: number): void {
    if (this.#used > 0) throw new Error('broken invariant: claims change their receiver while something is handed out')
    this.#memory.i32[(this.#address + CLAIM_EPOCH) >> 2] = epoch
  }

  /** The tag of the message to be handed out next; `NO_ENTRY`: each entry is in use. */
  nextTag(): number {
    if (this.isFull) return NO_ENTRY
    while (this.#tagAt(this.#next & this.#places.mask) !== 0) this.#next = tagAfter(this.#next)
    return this.#next
  }

  /**
   * Puts a message on the table under `nextTag`, before the record with that tag is published in a ring, behind which the ring's
   * producer stands at `sentEnd`. `number` is below 2^53.
   */
  handOut(number: number, attempt: number, sentEnd: number): number {
    const tag = this.nextTag()
    if (tag === NO_ENTRY) return NO_ENTRY
    const words = this.#memory.i32
    const at = this.#tableAt(tag & this.#places.mask)
    // No tag is used twice, whatever is found of this one. The tag stands last: without it there is nothing.
    this.#next = tagAfter(tag)
    words[(this.#address + CLAIM_NEXT) >> 2] = this.#next
    words[at] = number | 0
    words[at + 1] = tableHigh(number, attempt)
    words[at + 3] = sentEnd
    words[at + 2] = tag
    this.#used++
    return tag
  }

  /** How many messages, at most `most`, can be handed out under `nextTag` and the tags right behind it. */
  freeTags(most: number): number {
    const first = this.nextTag()
    if (first === NO_ENTRY) return 0
    const { mask } = this.#places
    const end = Math.min(first + Math.min(most, mask + 1), TAG_MAX + 1)
    let tag = first + 1
    while (tag < end && this.#tagAt(tag & mask) === 0) tag++
    return tag - first
  }

  /**
   * Puts several messages on the table that were never out, as `handOut` does each; `freeTags` of as many was that much. Their numbers stand
   * at `from` to below `to`; returns the tag of the first.
   */
  handOutRun(numbers: ArrayLike<number>, from: number, to: number, sentEnd: number): number {
    const first = this.nextTag()
    const words = this.#memory.i32
    const { mask } = this.#places
    this.#next = tagAfter(first + to - from - 1)
    words[(this.#address + CLAIM_NEXT) >> 2] = this.#next
    for (let tag = first, index = from; index < to; tag++, index++) {
      const number = numbers[index] as number
      const at = this.#tableAt(tag & mask)
      words[at] = number | 0
      words[at + 1] = tableHigh(number, 1)
      words[at + 3] = sentEnd
      words[at + 2] = tag
    }
    this.#used += to - from
    return first
  }

  /**
   * Takes a message back if it was not begun, and says where it is then. `recalled` or `yielded`: with the sender, for good. `entering`: not
   * known yet, and it will be an end, or begun; the sender asks again at the next one. Any other: it stays where it is.
   */
  recall(tag: number): Standing {
    const recall = this.#places.recall + 4 * (tag & this.#places.mask)
    this.#memory.store(recall, recallWord(tag))
    return this.standing(tag)
  }

  /** Where the message of a tag is that stands on the table. */
  standing(tag: number): Standing {
    const { claim, recall, mask } = this.#places
    const entry = tag & mask
    // RECALL is its own word.
    return standingOf(tag, this.#memory.load(claim + 4 * entry), this.#memory.i32[(recall >> 2) + entry] as number)
  }

  /** Whether a message of this tag stands on the table. */
  has(tag: number): boolean {
    return tag !== NO_ENTRY && this.#tagAt(tag & this.#places.mask) === tag
  }

  /**
   * Takes a message off the table: its end was acted upon, it was begun and is to be taken back nevertheless, or its receiver has exited.
   * What the receiver says of this tag later changes nothing. One that is waiting or recalled is not to be freed while its receiver lives.
   */
  free(tag: number): void {
    this.freeRun(tag, 1)
  }

  /** The same for so many messages, from this tag on. */
  freeRun(first: number, count: number): void {
    const { recall, mask } = this.#places
    const words = this.#memory.i32
    for (let tag = first; tag < first + count; tag++) {
      const entry = tag & mask
      if (words[(recall >> 2) + entry] !== 0) this.#memory.store(recall + 4 * entry, 0)
      words[this.#tableAt(entry) + 2] = 0
    }
    this.#used -= count
  }

  /** The number of a message on the table. */
  numberOf(tag: number): number {
    return this.#numberAt(tag & this.#places.mask)
  }

  /** Whether `ended` would find something. */
  hasEnded(): boolean {
    return this.#looksEverywhere || this.#hints.ready()
  }

  /**
   * Hands over what was ended since the last time, in the order of its ends, or in any order after a look at all entries. Each is to be
   * freed: what was acked or released, yielded, or reported once that is read. What is not freed may be handed over again.
   */
  ended(ends: ClaimEnds): void {
    if (this.#looksEverywhere) {
      this.#looksEverywhere = false
      this.#hints.take(() => {})
      this.#look(0, this.#places.mask + 1, ends)
      return
    }
    const isWhole = this.#hints.take(run => this.#look(run & RUN_FIRST, run >>> RUN_SHIFT, ends))
    if (!isWhole) this.#look(0, this.#places.mask + 1, ends)
  }

  #look(first: number, count: number, ends: ClaimEnds): void {
    const { claim, mask } = this.#places
    // The first of those that were acked and stand behind it, one after the other.
    let ackedFrom = 0
    let acked = 0
    for (let at = first; at < first + count; at++) {
      const entry = at & mask
      const tag = this.#tagAt(entry)
      const word = this.#memory.load(claim + 4 * entry)
      const isAcked = tag !== 0 && word === claimWord(tag, CLAIM_STATE.acked)
      if (isAcked && entry > 0 && acked > 0 && tag === ackedFrom + acked) {
        acked++
        continue
      }
      if (acked > 0) ends.acked(ackedFrom, acked)
      ackedFrom = tag
      acked = isAcked ? 1 : 0
      if (isAcked || tag === 0) continue
      const state = stateOf(word, tag)
      if (state >= CLAIM_STATE.yielded) ends.ended(tag, this.#numberAt(entry), this.standing(tag))
    }
    if (acked > 0) ends.acked(ackedFrom, acked)
  }

  /** Everything on the table: for who takes over, and after the exit of the receiver. */
  all(): HandedOut[] {
    const words = this.#memory.i32
    const all: HandedOut[] = []
    for (let entry = 0; entry <= this.#places.mask; entry++) {
      const tag = this.#tagAt(entry)
      if (tag === 0) continue
      const at = this.#tableAt(entry)
      all.push({
        tag,
        number: this.#numberAt(entry),
        attempt: tableAttempt(words[at + 1] as number),
        standing: this.standing(tag),
        sentEnd: words[at + 3] as number,
      })
    }
    return all
  }

  /**
   * What a predecessor put on the table and did not live to send: its record is behind the ring's `tail`, so that the receiver will never
   * see it. To be freed at once. Exact while a message waits for less than 2^32 bytes of its ring.
   */
  unsent(tail: number, capacity: number): HandedOut[] {
    return this.all().filter(({ standing, sentEnd }) => {
      const behind = (sentEnd - tail) | 0
      return standing === 'waiting' && behind > 0 && behind <= capacity
    })
  }

  #tableAt(entry: number): number {
    return (this.#places.table >> 2) + 4 * entry
  }

  #tagAt(entry: number): number {
    return this.#memory.i32[this.#tableAt(entry) + 2] as number
  }

  #numberAt(entry: number): number {
    const at = this.#tableAt(entry)
    return tableNumber(this.#memory.i32[at] as number, this.#memory.i32[at + 1] as number)
  }
}
