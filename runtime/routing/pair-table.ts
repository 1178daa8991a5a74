/**
 * A number for each pair of two numbers that was added, kept for as long as the pair is.
 *
 * Any thread. Pure. A hash table of chains through typed arrays: a look-up makes no object. The number of a removed pair is given again.
 *
 * Bound: pairs that are kept, 16 bytes each and half as much again after growth. `capacity` is what an owner sizes its own arrays by.
 */
const FIRST_CAPACITY = 64
const NONE = -1
const FIRST_FACTOR = 0x9e37_79b1
const SECOND_FACTOR = 0x85eb_ca6b

export class PairTable {
  #firsts = new Uint32Array(FIRST_CAPACITY)
  #seconds = new Uint32Array(FIRST_CAPACITY)
  /** Of a pair the next one in its bucket, of a free number the next free one. */
  #chains = new Int32Array(FIRST_CAPACITY)
  #heads = new Int32Array(FIRST_CAPACITY).fill(NONE)
  #free = NONE
  #made = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** All numbers are below it. */
  get capacity(): number {
    return this.#firsts.length
  }

  get bytes(): number {
    return 12 * this.#firsts.length + 4 * this.#heads.length
  }

  firstOf(pair: number): number {
    return this.#firsts[pair] as number
  }

  secondOf(pair: number): number {
    return this.#seconds[pair] as number
  }

  /** Number of the pair; -1: there is none. */
  find(first: number, second: number): number {
    let pair = this.#heads[this.#bucketOf(first, second)] as number
    while (pair !== NONE && (this.#firsts[pair] !== first || this.#seconds[pair] !== second))
      pair = this.#chains[pair] as number
    return pair
  }

  /** A number for a pair that has none. */
  add(first: number, second: number): number {
    if (this.#free === NONE && this.#made === this.#firsts.length) this.#grow()
    let pair = this.#free
    if (pair === NONE) pair = this.#made++
    else this.#free = this.#chains[pair] as number
    this.#firsts[pair] = first
    this.#seconds[pair] = second
    this.#enter(pair)
    this.#size++
    return pair
  }

  remove(pair: number): void {
    const bucket = this.#bucketOf(this.firstOf(pair), this.secondOf(pair))
    const after = this.#chains[pair] as number
    let before = this.#heads[bucket] as number
    if (before === pair) this.#heads[bucket] = after
    else {
      while (this.#chains[before] !== pair) before = this.#chains[before] as number
      this.#chains[before] = after
    }
    this.#chains[pair] = this.#free
    this.#free = pair
    this.#size--
  }

  #enter(pair: number): void {
    const bucket = this.#bucketOf(this.firstOf(pair), this.secondOf(pair))
    this.#chains[pair] = this.#heads[bucket] as number
    this.#heads[bucket] = pair
  }

  #bucketOf(first: number, second: number): number {
    let hash = Math.imul(first, FIRST_FACTOR) ^ Math.imul(second, SECOND_FACTOR)
    hash = Math.imul(hash ^ (hash >>> 15), FIRST_FACTOR)
    return (hash ^ (hash >>> 13)) & (this.#heads.length - 1)
  }

  /** By a quarter: the arrays of an owner grow as these do, and are mostly full. The buckets are a power of two. */
  #grow(): void {
    const capacity = grownCapacity(this.#firsts.length)
    this.#firsts = grown(this.#firsts, capacity)
    this.#seconds = grown(this.#seconds, capacity)
    this.#chains = grown(this.#chains, capacity)
    if (capacity <= this.#heads.length) return
    this.#heads = new Int32Array(2 * this.#heads.length).fill(NONE)
    for (let pair = 0; pair < this.#made; pair++) this.#enter(pair)
  }
}

/** Of arrays that are full. */
export function grownCapacity(capacity: number): number {
  return capacity + (capacity >>> 2)
}

/** A longer array that begins as the given one. */
export function grown<A extends Uint32Array | Int32Array | Uint16Array | Uint8Array>(array: A, length: number): A {
  const longer = new (array.constructor as new (length: number) => A)(length)
  longer.set(array)
  return longer
}
