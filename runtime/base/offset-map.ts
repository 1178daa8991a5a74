/**
 * A whole number for each of some offsets.
 *
 * The partition host's thread. Pure. Offsets lie in blocks of BLOCK, and a hash table leads to the blocks: neighbours are found without
 * a search. Open addressing; half of the table is empty.
 *
 * Bound: that of its users. 76 to 84 bytes for an offset without neighbours, and 5 for one of many. Only the table is ever copied
 * as a whole when it grows, 4 bytes a block, and what is kept of blocks beside their numbers, 9 bytes each.
 */
const BLOCK_SHIFT = 4
const BLOCK: number = 1 << BLOCK_SHIFT
const CHUNK_SHIFT = 8
const CHUNK_BLOCKS: number = 1 << CHUNK_SHIFT
const FIRST_TABLE = 32
const NONE = -1

export class OffsetMap {
  /** 1 + index of the block; 0: nothing. */
  #table: Int32Array = new Int32Array(FIRST_TABLE)
  /** Of each block: its first offset divided by BLOCK, and how many of its offsets have a number. */
  #keys: Float64Array = new Float64Array(CHUNK_BLOCKS)
  #counts: Uint8Array = new Uint8Array(CHUNK_BLOCKS)
  /** 1 + the number; 0: none. */
  readonly #chunks: Int32Array[] = []
  readonly #free: number[] = []
  #made = 0
  #size = 0
  /** The block that was looked for last, and its index; NONE: there is none of this key. */
  #lastKey = NONE
  #last = NONE

  /** Offsets that have a number. */
  get size(): number {
    return this.#size
  }

  /** NONE (-1): it has none. */
  get(offset: number): number {
    const block = this.#blockOf(Math.floor(offset / BLOCK))
    return block === NONE ? NONE : (this.#chunkOf(block)[this.#placeOf(block, offset)] as number) - 1
  }

  /** `number`: 0 to 2^31 - 2, for an offset that has none. */
  set(offset: number, number: number): void {
    const key = Math.floor(offset / BLOCK)
    let block = this.#blockOf(key)
    if (block === NONE) block = this.#add(key)
    this.#chunkOf(block)[this.#placeOf(block, offset)] = number + 1
    this.#counts[block]!++
    this.#size++
  }

  /** An offset that has a number has none any more. */
  delete(offset: number): void {
    const block = this.#blockOf(Math.floor(offset / BLOCK))
    this.#chunkOf(block)[this.#placeOf(block, offset)] = 0
    this.#size--
    if (--this.#counts[block]! > 0) return
    this.#close(this.#find(this.#keys[block] as number))
    this.#free.push(block)
    this.#lastKey = NONE
  }

  #chunkOf(block: number): Int32Array {
    return this.#chunks[block >> CHUNK_SHIFT] as Int32Array
  }

  #placeOf(block: number, offset: number): number {
    return (block & (CHUNK_BLOCKS - 1)) * BLOCK + (offset & (BLOCK - 1))
  }

  #blockOf(key: number): number {
    if (key === this.#lastKey) return this.#last
    this.#lastKey = key
    this.#last = (this.#table[this.#find(key)] as number) - 1
    return this.#last
  }

  #add(key: number): number {
    if (2 * (this.#made - this.#free.length + 1) > this.#table.length) this.#grow()
    let block = this.#free.pop()
    if (block === undefined) {
      block = this.#made++
      if (block >> CHUNK_SHIFT === this.#chunks.length) this.#chunks.push(new Int32Array(CHUNK_BLOCKS * BLOCK))
      if (block === this.#keys.length) this.#lengthen()
    }
    this.#keys[block] = key
    this.#table[this.#find(key)] = block + 1
    this.#lastKey = key
    this.#last = block
    return block
  }

  #homeOf(key: number): number {
    return Math.imul((key % 0x1_0000_0000) | 0, 0x9e3779b1) >>> (Math.clz32(this.#table.length) + 1)
  }

  /** Where a block is in the table, or would be. */
  #find(key: number): number {
    const mask = this.#table.length - 1
    let slot = this.#homeOf(key)
    for (let found = this.#table[slot] as number; found !== 0; found = this.#table[slot] as number) {
      if (this.#keys[found - 1] === key) break
      slot = (slot + 1) & mask
    }
    return slot
  }

  /** Empties a place of the table, and moves up what would not be found behind it. */
  #close(slot: number): void {
    const mask = this.#table.length - 1
    let hole = slot
    for (let at = (slot + 1) & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const found = this.#table[at] as number
      const home = this.#homeOf(this.#keys[found - 1] as number)
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      this.#table[hole] = found
      hole = at
    }
    this.#table[hole] = 0
  }

  #grow(): void {
    const before = this.#table
    this.#table = new Int32Array(2 * before.length)
    for (const found of before) if (found !== 0) this.#table[this.#find(this.#keys[found - 1] as number)] = found
  }

  #lengthen(): void {
    const [keys, counts] = [new Float64Array(2 * this.#keys.length), new Uint8Array(2 * this.#keys.length)]
    keys.set(this.#keys)
    counts.set(this.#counts)
    this.#keys = keys
    this.#counts = counts
  }
}
