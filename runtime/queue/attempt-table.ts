/**
 * What is known of messages that were handed out, came back and are not settled: both counters, and what they wait for.
 *
 * The partition host's thread. Pure. An open hash table of chains through typed arrays, so that an entry keeps its number
 * for as long as it lives. A message that was never back has none; an entry goes when its message is settled.
 *
 * Two counters: `handOuts` counts each hand-out, `failures` those that ended in a failure; the limit counts failures.
 *
 * Bound: messages that wait for a retry or a dead letter are bounded by the policy's `heldMax` and what is out
 * (hand-outs.ts); what came back and is ready goes before what was never out, so that it is no more than was out at a
 * time, for each priority. 59 bytes an entry.
 */
import type { LetterReason } from './queue-words.ts'

export const READY = 0
export const RETRYING = 1
export const DYING = 2

const FIRST_CAPACITY = 16
const NONE = -1

export class AttemptTable {
  offsets: Float64Array = new Float64Array(FIRST_CAPACITY)
  handOuts: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  failures: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  /** Hand-outs when it failed last. */
  failedAt: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  /** READY, also while it is out; RETRYING; DYING. */
  states: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  /** 1: it may have killed its thread. */
  suspects: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  priorities: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  /** The part of a failed batch that it is in; 0: none. */
  cohorts: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  dueMs: Float64Array = new Float64Array(FIRST_CAPACITY)
  firstFailureMs: Float64Array = new Float64Array(FIRST_CAPACITY)
  lastFailureMs: Float64Array = new Float64Array(FIRST_CAPACITY)
  /** Why it dies; meaningful while it is DYING. */
  readonly reasons: LetterReason[] = []
  #chains: Int32Array = new Int32Array(FIRST_CAPACITY).fill(NONE)
  #heads: Int32Array = new Int32Array(FIRST_CAPACITY).fill(NONE)
  #free = NONE
  #made = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Entries there is room for before the arrays grow. */
  get capacity(): number {
    return this.offsets.length
  }

  /** Number of its entry; -1: it has none. */
  find(offset: number): number {
    if (this.#size === 0) return NONE
    let entry = this.#heads[this.#bucketOf(offset)] as number
    while (entry !== NONE && this.offsets[entry] !== offset) entry = this.#chains[entry] as number
    return entry
  }

  /** An entry for a message that has none. */
  add(offset: number, priority: number): number {
    if (this.#free === NONE && this.#made === this.capacity) this.#grow()
    let entry = this.#free
    if (entry === NONE) entry = this.#made++
    else this.#free = this.#chains[entry] as number
    this.offsets[entry] = offset
    this.priorities[entry] = priority
    this.handOuts[entry] = 0
    this.failures[entry] = 0
    this.failedAt[entry] = 0
    this.states[entry] = READY
    this.suspects[entry] = 0
    this.cohorts[entry] = 0
    this.firstFailureMs[entry] = 0
    this.lastFailureMs[entry] = 0
    const bucket = this.#bucketOf(offset)
    this.#chains[entry] = this.#heads[bucket] as number
    this.#heads[bucket] = entry
    this.#size++
    return entry
  }

  remove(entry: number): void {
    const bucket = this.#bucketOf(this.offsets[entry] as number)
    const after = this.#chains[entry] as number
    let before = this.#heads[bucket] as number
    if (before === entry) this.#heads[bucket] = after
    else {
      while (this.#chains[before] !== entry) before = this.#chains[before] as number
      this.#chains[before] = after
    }
    this.offsets[entry] = NONE
    this.#chains[entry] = this.#free
    this.#free = entry
    this.#size--
  }

  /** Numbers of all entries. */
  *entries(): Generator<number> {
    for (let entry = 0; entry < this.#made; entry++) if ((this.offsets[entry] as number) !== NONE) yield entry
  }

  #bucketOf(offset: number): number {
    return Math.imul((offset % 0x1_0000_0000) | 0, 0x9e3779b1) >>> (Math.clz32(this.#heads.length) + 1)
  }

  #grow(): void {
    const capacity = 2 * this.capacity
    const float = (from: Float64Array): Float64Array => {
      const to = new Float64Array(capacity)
      to.set(from)
      return to
    }
    const word = (from: Uint32Array): Uint32Array => {
      const to = new Uint32Array(capacity)
      to.set(from)
      return to
    }
    const byte = (from: Uint8Array): Uint8Array => {
      const to = new Uint8Array(capacity)
      to.set(from)
      return to
    }
    this.offsets = float(this.offsets)
    this.handOuts = word(this.handOuts)
    this.failures = word(this.failures)
    this.failedAt = word(this.failedAt)
    this.states = byte(this.states)
    this.suspects = byte(this.suspects)
    this.priorities = byte(this.priorities)
    this.cohorts = word(this.cohorts)
    this.dueMs = float(this.dueMs)
    this.firstFailureMs = float(this.firstFailureMs)
    this.lastFailureMs = float(this.lastFailureMs)
    this.#chains = new Int32Array(capacity)
    this.#heads = new Int32Array(capacity).fill(NONE)
    for (let entry = 0; entry < this.#made; entry++) {
      const bucket = this.#bucketOf(this.offsets[entry] as number)
      this.#chains[entry] = this.#heads[bucket] as number
      this.#heads[bucket] = entry
    }
  }
}
