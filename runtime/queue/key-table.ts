/**
 * The keys of a queue that have messages: how many of each have their turn, and which of the others wait first and last.
 *
 * The partition host's thread. Pure. A key is the 32-bit hash of its bytes: two keys of one hash are one key here, and share its turns.
 * A hash table of chains through typed arrays, so that an entry keeps its number for as long as it lives. A key without messages has none.
 *
 * Bound: keys that have messages. 44 bytes each; the arrays double, and are made anew when no key is left.
 */
const FIRST_CAPACITY = 64
/** Arrays of more entries go when no key is left. */
const KEPT_CAPACITY = 4_096
const NONE = -1

export class KeyTable {
  /** Messages that have their turn: ready, out or waiting for a retry. */
  turns: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  /** Offset of the one that waits first; -1: none waits. */
  first: Float64Array = new Float64Array(FIRST_CAPACITY)
  last: Float64Array = new Float64Array(FIRST_CAPACITY)
  /** Offset of the one that got its turn last. */
  latest: Float64Array = new Float64Array(FIRST_CAPACITY)
  #hashes: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  #chains: Int32Array = new Int32Array(FIRST_CAPACITY)
  #heads: Int32Array = new Int32Array(FIRST_CAPACITY).fill(NONE)
  #free = NONE
  #made = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Number of its entry; -1: it has none. */
  find(hash: number): number {
    let entry = this.#heads[this.#bucketOf(hash)] as number
    while (entry !== NONE && this.#hashes[entry] !== hash) entry = this.#chains[entry] as number
    return entry
  }

  /** An entry for a key that has none. */
  add(hash: number): number {
    if (this.#free === NONE && this.#made === this.#hashes.length) this.#grow()
    let entry = this.#free
    if (entry === NONE) entry = this.#made++
    else this.#free = this.#chains[entry] as number
    this.#hashes[entry] = hash
    this.turns[entry] = 0
    this.first[entry] = NONE
    this.last[entry] = NONE
    this.#enter(entry)
    this.#size++
    return entry
  }

  remove(entry: number): void {
    const bucket = this.#bucketOf(this.#hashes[entry] as number)
    const after = this.#chains[entry] as number
    let before = this.#heads[bucket] as number
    if (before === entry) this.#heads[bucket] = after
    else {
      while (this.#chains[before] !== entry) before = this.#chains[before] as number
      this.#chains[before] = after
    }
    this.#chains[entry] = this.#free
    this.#free = entry
    this.#size--
    if (this.#size === 0 && this.#hashes.length > KEPT_CAPACITY) this.clear()
  }

  clear(): void {
    this.#allocate(FIRST_CAPACITY)
    this.#free = NONE
    this.#made = 0
    this.#size = 0
  }

  #enter(entry: number): void {
    const bucket = this.#bucketOf(this.#hashes[entry] as number)
    this.#chains[entry] = this.#heads[bucket] as number
    this.#heads[bucket] = entry
  }

  #bucketOf(hash: number): number {
    return Math.imul(hash, 0x9e3779b1) >>> (Math.clz32(this.#heads.length) + 1)
  }

  #allocate(capacity: number): void {
    this.turns = new Uint32Array(capacity)
    this.first = new Float64Array(capacity)
    this.last = new Float64Array(capacity)
    this.latest = new Float64Array(capacity)
    this.#hashes = new Uint32Array(capacity)
    this.#chains = new Int32Array(capacity)
    this.#heads = new Int32Array(capacity).fill(NONE)
  }

  #grow(): void {
    const { turns, first, last, latest } = this
    const hashes = this.#hashes
    this.#allocate(2 * hashes.length)
    this.turns.set(turns)
    this.first.set(first)
    this.last.set(last)
    this.latest.set(latest)
    this.#hashes.set(hashes)
    for (let entry = 0; entry < this.#made; entry++) this.#enter(entry)
  }
}
