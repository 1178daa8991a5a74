/**
 * The words of patterns, each with a number by which a word of a routing key is found without a string being made of it.
 *
 * Any thread. Pure. A word is a part of a string, told by its first and last place; its code units lie in one array. The number of a
 * word stays for as long as somebody holds the word, and is then given to another.
 *
 * Bound: words that are held; 2 bytes for each code unit, 20 for each word, and as much again after growth. The units of released words go when
 * they are half of all.
 */
import { grown, grownCapacity } from './pair-table.ts'

const FIRST_WORDS = 64
const FIRST_UNITS = 512
const NONE = -1
const HASH_START = 0x811c_9dc5
const HASH_FACTOR = 0x0100_0193
const SPREAD = 0x9e37_79b1

export class WordPool {
  #units = new Uint16Array(FIRST_UNITS)
  #unitsUsed = 0
  #unitsReleased = 0
  #starts = new Uint32Array(FIRST_WORDS)
  #lengths = new Uint32Array(FIRST_WORDS)
  /** How many hold it; 0: the number is free. */
  #holders = new Uint32Array(FIRST_WORDS)
  #chains = new Int32Array(FIRST_WORDS)
  #heads = new Int32Array(FIRST_WORDS).fill(NONE)
  #free = NONE
  #made = 0

  get bytes(): number {
    return 2 * this.#units.length + 16 * this.#starts.length + 4 * this.#heads.length
  }

  /** Number of the word from `start` to before `end`; -1: there is none. */
  find(text: string, start: number, end: number): number {
    return this.#findIn(this.#bucketOf(text, start, end), text, start, end)
  }

  /** Number of the word, which the caller then holds. */
  hold(text: string, start: number, end: number): number {
    let word = this.find(text, start, end)
    if (word === NONE) word = this.#add(text, start, end)
    this.#holders[word] = (this.#holders[word] as number) + 1
    return word
  }

  release(word: number): void {
    const left = (this.#holders[word] as number) - 1
    this.#holders[word] = left
    if (left > 0) return
    this.#leave(word)
    this.#unitsReleased += this.#lengths[word] as number
    this.#chains[word] = this.#free
    this.#free = word
    if (this.#unitsReleased > FIRST_UNITS && 2 * this.#unitsReleased > this.#unitsUsed) this.#compact()
  }

  #findIn(bucket: number, text: string, start: number, end: number): number {
    let word = this.#heads[bucket] as number
    while (word !== NONE && !this.#is(word, text, start, end)) word = this.#chains[word] as number
    return word
  }

  #is(word: number, text: string, start: number, end: number): boolean {
    if (this.#lengths[word] !== end - start) return false
    const units = this.#units
    let unit = this.#starts[word] as number
    for (let place = start; place < end; place++) if (units[unit++] !== text.charCodeAt(place)) return false
    return true
  }

  #add(text: string, start: number, end: number): number {
    if (this.#free === NONE && this.#made === this.#starts.length) this.#growWords()
    if (this.#unitsUsed + end - start > this.#units.length) this.#growUnits(this.#unitsUsed + end - start)
    let word = this.#free
    if (word === NONE) word = this.#made++
    else this.#free = this.#chains[word] as number
    this.#starts[word] = this.#unitsUsed
    this.#lengths[word] = end - start
    for (let place = start; place < end; place++) this.#units[this.#unitsUsed++] = text.charCodeAt(place)
    this.#enter(word, this.#bucketOf(text, start, end))
    return word
  }

  #enter(word: number, bucket: number): void {
    this.#chains[word] = this.#heads[bucket] as number
    this.#heads[bucket] = word
  }

  #leave(word: number): void {
    const bucket = this.#ownBucket(word)
    const after = this.#chains[word] as number
    let before = this.#heads[bucket] as number
    if (before === word) this.#heads[bucket] = after
    else {
      while (this.#chains[before] !== word) before = this.#chains[before] as number
      this.#chains[before] = after
    }
  }

  #bucketOf(text: string, start: number, end: number): number {
    let hash = HASH_START
    for (let place = start; place < end; place++) hash = Math.imul(hash ^ text.charCodeAt(place), HASH_FACTOR)
    return this.#spread(hash)
  }

  #ownBucket(word: number): number {
    const start = this.#starts[word] as number
    const end = start + (this.#lengths[word] as number)
    let hash = HASH_START
    for (let unit = start; unit < end; unit++) hash = Math.imul(hash ^ (this.#units[unit] as number), HASH_FACTOR)
    return this.#spread(hash)
  }

  #spread(hash: number): number {
    const spread = Math.imul(hash ^ (hash >>> 16), SPREAD)
    return (spread ^ (spread >>> 15)) & (this.#heads.length - 1)
  }

  #growWords(): void {
    const capacity = grownCapacity(this.#starts.length)
    this.#starts = grown(this.#starts, capacity)
    this.#lengths = grown(this.#lengths, capacity)
    this.#holders = grown(this.#holders, capacity)
    this.#chains = grown(this.#chains, capacity)
    if (capacity <= this.#heads.length) return
    this.#heads = new Int32Array(2 * this.#heads.length).fill(NONE)
    for (let word = 0; word < this.#made; word++) this.#enter(word, this.#ownBucket(word))
  }

  #growUnits(needed: number): void {
    this.#units = grown(this.#units, Math.max(grownCapacity(this.#units.length), needed))
  }

  /** The units of all words that are held, one word after the other. */
  #compact(): void {
    const units = new Uint16Array(Math.max(FIRST_UNITS, this.#unitsUsed - this.#unitsReleased))
    let used = 0
    for (let word = 0; word < this.#made; word++) {
      if (this.#holders[word] === 0) continue
      const start = this.#starts[word] as number
      const length = this.#lengths[word] as number
      units.set(this.#units.subarray(start, start + length), used)
      this.#starts[word] = used
      used += length
    }
    this.#units = units
    this.#unitsUsed = used
    this.#unitsReleased = 0
  }
}
