/**
 * The messages that one consumer holds: a slot each, from the moment they are handed out until they are settled or come
 * back.
 *
 * The partition host's thread. Pure. A slot and the tag in it name one hand-out; the tag of a free slot is 0, and no tag
 * is given twice, so that a settlement of an earlier hand-out finds another tag. The lowest free slot is taken first.
 * There is no lock that runs out: a slot is held for as long as its consumer lives, or until the time-out that its
 * consumer asked for.
 *
 * Bound: CLAIMS_MAX slots, 30 bytes each, and 12 more with a time-out; made by and by as more are held.
 *
 * Later: recalling what has not begun takes a slot back, by its tag.
 */

/** Messages that a consumer may hold at a time. */
export const CLAIMS_MAX = 1024
const FIRST_SLOTS = 16

export const BEGUN = 1
export const SUSPECT = 2
/** It is cancelled, unless it is acked. */
export const CANCELLED = 4
const NONE = -1

/** Messages of one priority that were never out, at the same place in each array. */
export interface ClaimedRun {
  priority: number
  readonly offsets: Float64Array
  readonly tags: Int32Array
  readonly bytes: Uint32Array
  readonly keys: Uint32Array
  readonly slots: Int32Array
}

export class Claims {
  offsets: Float64Array = new Float64Array(FIRST_SLOTS)
  tags: Int32Array = new Int32Array(FIRST_SLOTS)
  handOuts: Uint32Array = new Uint32Array(FIRST_SLOTS)
  /** Where the attempts of the message are kept (attempt-table.ts); -1: it was never out before. */
  entries: Int32Array = new Int32Array(FIRST_SLOTS)
  bytes: Uint32Array = new Uint32Array(FIRST_SLOTS)
  priorities: Uint8Array = new Uint8Array(FIRST_SLOTS)
  /** Hashes of keys, where they are limited. */
  keys: Uint32Array = new Uint32Array(FIRST_SLOTS)
  /** BEGUN, SUSPECT, CANCELLED. */
  flags: Uint8Array = new Uint8Array(FIRST_SLOTS)
  /** When each times out, in the order of these times: a list through the slots. Empty without a time-out. */
  deadlines: Float64Array
  #before: Int16Array
  #after: Int16Array
  #firstDue: number = NONE
  #lastDue: number = NONE
  readonly #timed: boolean
  /** Bit n of word w: slot 32 w + n is free. Bit w of the summary: word w has one. */
  readonly #free: Int32Array = new Int32Array(CLAIMS_MAX / 32)
  #summary: number
  #held = 0

  constructor(timed: boolean) {
    this.#timed = timed
    this.deadlines = new Float64Array(timed ? FIRST_SLOTS : 0)
    this.#before = new Int16Array(this.deadlines.length)
    this.#after = new Int16Array(this.deadlines.length)
    this.#free[0] = (1 << FIRST_SLOTS) - 1
    this.#summary = 1
  }

  /** Slots that are held. */
  get size(): number {
    return this.#held
  }

  /** Whether this very hand-out is still held. */
  holds(slot: number, tag: number): boolean {
    return tag !== 0 && this.tags[slot] === tag
  }

  /** It is cancelled, however its consumer lets go of it, but by an ack. */
  cancel(slot: number): void {
    this.flags[slot]! |= CANCELLED
  }

  /** Whether it was cancelled while it was out. */
  isCancelled(slot: number): boolean {
    return ((this.flags[slot] as number) & CANCELLED) !== 0
  }

  /** The lowest free slot, which is held from now on. */
  take(tag: number, offset: number): number {
    if (this.#summary === 0) this.#grow()
    const word = 31 - Math.clz32(this.#summary & -this.#summary)
    const bits = this.#free[word] as number
    const bit = bits & -bits
    this.#hold(word, bit)
    const slot = word * 32 + 31 - Math.clz32(bit)
    this.tags[slot] = tag
    this.offsets[slot] = offset
    this.flags[slot] = 0
    return slot
  }

  /** The lowest free slots for messages that were never out: those at `from` to below `to` of these. Their slots are noted. */
  takeRun(from: number, to: number, run: ClaimedRun): void {
    for (let at = from; at < to; ) {
      if (this.#summary === 0) this.#grow()
      const word = 31 - Math.clz32(this.#summary & -this.#summary)
      let bits = this.#free[word] as number
      const { offsets, tags, handOuts, entries, bytes, priorities, keys, flags } = this
      for (; at < to && bits !== 0; at++) {
        const bit = bits & -bits
        const slot = word * 32 + 31 - Math.clz32(bit)
        bits ^= bit
        offsets[slot] = run.offsets[at] as number
        tags[slot] = run.tags[at] as number
        handOuts[slot] = 1
        entries[slot] = NONE
        bytes[slot] = run.bytes[at] as number
        priorities[slot] = run.priority
        keys[slot] = run.keys[at] as number
        flags[slot] = 0
        run.slots[at] = slot
      }
      this.#free[word] = bits
      if (bits === 0) this.#summary &= ~(1 << word)
    }
    this.#held += to - from
  }

  /** For a queue that is rebuilt: the slot that this hand-out had. */
  restore(slot: number, tag: number, offset: number): void {
    while (slot >= this.tags.length) this.#grow()
    this.#hold(slot >> 5, 1 << (slot & 31))
    this.tags[slot] = tag
    this.offsets[slot] = offset
    this.flags[slot] = 0
  }

  free(slot: number): void {
    if (this.#timed && ((this.flags[slot] as number) & BEGUN) !== 0) this.#leave(slot)
    this.tags[slot] = 0
    const word = slot >> 5
    this.#free[word]! |= 1 << (slot & 31)
    this.#summary |= 1 << word
    this.#held--
  }

  /** Its handler was called; with a time-out, the time runs from now on. */
  begin(slot: number, deadlineMs: number): void {
    const flags = this.flags[slot] as number
    if ((flags & BEGUN) !== 0) return
    this.flags[slot] = flags | BEGUN
    if (this.#timed) this.#enter(slot, deadlineMs)
  }

  /** The time runs anew. */
  renew(slot: number, deadlineMs: number): void {
    if (!this.#timed || ((this.flags[slot] as number) & BEGUN) === 0) return
    this.#leave(slot)
    this.#enter(slot, deadlineMs)
  }

  /** The slot that times out first; -1: none will. */
  get firstDue(): number {
    return this.#firstDue
  }

  /** When the first one times out; Infinity: none will. */
  get dueMs(): number {
    return this.#firstDue === NONE ? Number.POSITIVE_INFINITY : (this.deadlines[this.#firstDue] as number)
  }

  /** Held slots: those that have begun and time out in that order, then the others. */
  slots(): number[] {
    const found: number[] = []
    for (let slot = this.#firstDue; slot !== NONE; slot = this.#after[slot] as number) found.push(slot)
    for (let slot = 0; slot < this.tags.length; slot++) {
      const isListed = this.#timed && ((this.flags[slot] as number) & BEGUN) !== 0
      if (this.tags[slot] !== 0 && !isListed) found.push(slot)
    }
    return found
  }

  #hold(word: number, bit: number): void {
    this.#free[word]! &= ~bit
    if (this.#free[word] === 0) this.#summary &= ~(1 << word)
    this.#held++
  }

  /** Renewals and beginnings come in the order of time, so that the end of the list is the place. */
  #enter(slot: number, deadlineMs: number): void {
    this.deadlines[slot] = deadlineMs
    this.#before[slot] = this.#lastDue
    this.#after[slot] = NONE
    if (this.#lastDue === NONE) this.#firstDue = slot
    else this.#after[this.#lastDue] = slot
    this.#lastDue = slot
  }

  #leave(slot: number): void {
    const before = this.#before[slot] as number
    const after = this.#after[slot] as number
    if (before === NONE) this.#firstDue = after
    else this.#after[before] = after
    if (after === NONE) this.#lastDue = before
    else this.#before[after] = before
  }

  #grow(): void {
    const slots = this.tags.length
    if (slots === CLAIMS_MAX) throw new RangeError(`a consumer holds ${CLAIMS_MAX} messages at most`)
    const grown = <A extends Float64Array | Int32Array | Uint32Array | Uint8Array | Int16Array>(from: A, to: A): A => {
      to.set(from)
      return to
    }
    this.offsets = grown(this.offsets, new Float64Array(2 * slots))
    this.tags = grown(this.tags, new Int32Array(2 * slots))
    this.handOuts = grown(this.handOuts, new Uint32Array(2 * slots))
    this.entries = grown(this.entries, new Int32Array(2 * slots))
    this.bytes = grown(this.bytes, new Uint32Array(2 * slots))
    this.priorities = grown(this.priorities, new Uint8Array(2 * slots))
    this.keys = grown(this.keys, new Uint32Array(2 * slots))
    this.flags = grown(this.flags, new Uint8Array(2 * slots))
    if (this.#timed) {
      this.deadlines = grown(this.deadlines, new Float64Array(2 * slots))
      this.#before = grown(this.#before, new Int16Array(2 * slots))
      this.#after = grown(this.#after, new Int16Array(2 * slots))
    }
    for (let slot = slots; slot < 2 * slots; slot++) {
      this.#free[slot >> 5]! |= 1 << (slot & 31)
      this.#summary |= 1 << (slot >> 5)
    }
  }
}
