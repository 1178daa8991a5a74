/**
 * Ids by their hashes, each with the offset of the message that brought it, for a time from when it came.
 *
 * One thread. Pure. Ids stand in the order in which they came, which is also the order in which they are forgotten; an index finds them by
 * their hashes. The entries lie in a room (id-room.ts), which may outlive the thread. The index is its own, and is made again from them.
 * Hashes are compared as a whole: of 10 million ids none of 128 bits is taken for another.
 *
 * Bounds: `most` ids. One more makes it forget the oldest, which is counted if that was before its time. An id costs 32 bytes in the
 * room and 5 to 11 in the index. An id that comes makes up to FORGOTTEN_AT_ONCE go whose time is over.
 */
import { ID_HASH_WORDS, ID_OFFSET, ID_TIME, type IdRoom } from './id-room.ts'

const FORGOTTEN_AT_ONCE = 4
/** The first bits of a hash name its part: to make one part larger takes a moment, and all at once would take long. */
const PARTS = 256
const PART_SHIFT = 24
const FIRST_SLOTS = 4
/** Entries are known by their numbers modulo this, which is more than there are. */
const NUMBERS: number = 2 ** 30
const ENTRY_WORDS = 8
const ENTRY_DOUBLES = 4

export class IdTable {
  /** How long an id is known, from when it came. */
  keepMs: number
  /** Ids that there may be. */
  most: number
  readonly room: IdRoom
  /** The index, in parts that grow by themselves. A slot: an entry's number modulo NUMBERS, plus 1; 0: none. */
  readonly #parts: Int32Array[] = Array.from({ length: PARTS }, () => new Int32Array(FIRST_SLOTS))
  /** Slots that are taken, of each part. */
  readonly #taken = new Uint32Array(PARTS)

  constructor(room: IdRoom, keepMs: number, most: number) {
    this.room = room
    this.keepMs = keepMs
    this.most = most
    // Of two of one id the newer one counts.
    for (let entry = room.end - 1; entry >= room.first; entry--)
      if (this.#slotOf(room.words(entry), room.at(entry) * ENTRY_WORDS) === -1) this.#put(entry)
  }

  /** Ids that are there, some of which may be known no more. */
  get size(): number {
    return this.room.end - this.room.first
  }

  /** Bytes of the index. */
  get indexBytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.byteLength, 0)
  }

  /** Offset of the message that brought the id whose hash begins at an index of these words; -1: it is not known now. */
  find(words: Int32Array, from: number, nowMs: number): number {
    const slot = this.#slotOf(words, from)
    if (slot === -1) return -1
    const entry = this.#entryOf(this.#partOf(words[from] as number)[slot] as number)
    return nowMs - this.timeOf(entry) < this.keepMs ? this.offsetOf(entry) : -1
  }

  /** Adds an id that is not known now; its message will have this offset, which is higher than those before. */
  add(words: Int32Array, from: number, offset: number, nowMs: number): void {
    const { room } = this
    // Times go forward, also where a file has what was said before a clock was set back.
    this.noneAfter(nowMs)
    for (let left = FORGOTTEN_AT_ONCE; left > 0 && this.size > 0 && this.#isOver(nowMs); left--) this.#forgetFirst()
    if (this.size >= this.most) {
      if (!this.#isOver(nowMs)) room.forgotten++
      this.#forgetFirst()
    }
    // Of one that came before, and whose time is over.
    const before = this.#slotOf(words, from)
    if (before !== -1) this.#vacate(words[from] as number, before)
    const entry = room.end
    room.reserve(entry)
    const at = room.at(entry)
    const into = room.words(entry)
    for (let word = 0; word < ID_HASH_WORDS; word++) into[at * ENTRY_WORDS + word] = words[from + word] as number
    const doubles = room.doubles(entry)
    doubles[at * ENTRY_DOUBLES + ID_OFFSET] = offset
    doubles[at * ENTRY_DOUBLES + ID_TIME] = nowMs
    room.end = entry + 1
    this.#put(entry)
  }

  /** The id that was added last is not known after all: its message was not taken. */
  withdraw(): void {
    const { room } = this
    const last = room.end - 1
    if (last < room.first) return
    this.#leave(last)
    room.end = last
  }

  /** Messages from this offset on are not there. */
  cut(end: number): void {
    while (this.size > 0 && this.offsetOf(this.room.end - 1) >= end) this.withdraw()
  }

  /** Ids before this entry are forgotten. */
  forgetTo(entry: number): void {
    while (this.size > 0 && this.room.first < entry) this.#forgetFirst()
  }

  /** Forgets all; the next id has this number, which is above those so far. */
  beginAt(entry: number): void {
    this.forgetTo(this.room.end)
    this.room.end = entry
    this.room.first = entry
  }

  /** From now on none is newer than this: a clock that was set back makes none stay longer than it should. */
  noneAfter(nowMs: number): void {
    const { room } = this
    for (let entry = room.end - 1; entry >= room.first && this.timeOf(entry) > nowMs; entry--)
      room.doubles(entry)[room.at(entry) * ENTRY_DOUBLES + ID_TIME] = nowMs
  }

  offsetOf(entry: number): number {
    const { room } = this
    return room.doubles(entry)[room.at(entry) * ENTRY_DOUBLES + ID_OFFSET] as number
  }

  timeOf(entry: number): number {
    const { room } = this
    return room.doubles(entry)[room.at(entry) * ENTRY_DOUBLES + ID_TIME] as number
  }

  /** One word of its hash. */
  wordOf(entry: number, word: number): number {
    const { room } = this
    return room.words(entry)[room.at(entry) * ENTRY_WORDS + word] as number
  }

  #isOver(nowMs: number): boolean {
    return nowMs - this.timeOf(this.room.first) >= this.keepMs
  }

  #forgetFirst(): void {
    const { first } = this.room
    this.#leave(first)
    this.room.first = first + 1
  }

  #entryOf(named: number): number {
    const { first } = this.room
    return first + ((named - 1 - (first % NUMBERS) + NUMBERS) % NUMBERS)
  }

  /** Index in its part of the slot of the id; -1: it has none. */
  #slotOf(words: Int32Array, from: number): number {
    const part = this.#partOf(words[from] as number)
    const mask = part.length - 1
    for (let slot = (words[from] as number) & mask; part[slot] !== 0; slot = (slot + 1) & mask)
      if (this.#isOf(this.#entryOf(part[slot] as number), words, from)) return slot
    return -1
  }

  #partOf(word: number): Int32Array {
    return this.#parts[word >>> PART_SHIFT] as Int32Array
  }

  #isOf(entry: number, words: Int32Array, from: number): boolean {
    const own = this.room.words(entry)
    const at = this.room.at(entry) * ENTRY_WORDS
    for (let word = 0; word < ID_HASH_WORDS; word++) if (own[at + word] !== words[from + word]) return false
    return true
  }

  #put(entry: number): void {
    const word = this.wordOf(entry, 0)
    const number = word >>> PART_SHIFT
    const part = this.#parts[number] as Int32Array
    this.#taken[number]!++
    if ((this.#taken[number] as number) * 4 <= part.length * 3) {
      this.#putInto(part, word, (entry % NUMBERS) + 1)
      return
    }
    const larger = new Int32Array(2 * part.length)
    for (const named of part) if (named !== 0) this.#putInto(larger, this.wordOf(this.#entryOf(named), 0), named)
    this.#putInto(larger, word, (entry % NUMBERS) + 1)
    this.#parts[number] = larger
  }

  #putInto(part: Int32Array, word: number, named: number): void {
    const mask = part.length - 1
    let slot = word & mask
    while (part[slot] !== 0) slot = (slot + 1) & mask
    part[slot] = named
  }

  /** Takes an entry out of the index, unless a newer one of its id has taken its place. */
  #leave(entry: number): void {
    const word = this.wordOf(entry, 0)
    const part = this.#partOf(word)
    const mask = part.length - 1
    const named = (entry % NUMBERS) + 1
    for (let slot = word & mask; part[slot] !== 0; slot = (slot + 1) & mask) {
      if (part[slot] !== named) continue
      this.#vacate(word, slot)
      return
    }
  }

  /** Frees a slot, and moves up those behind it that stand there only because it was taken. */
  #vacate(word: number, free: number): void {
    const part = this.#partOf(word)
    const mask = part.length - 1
    let hole = free
    for (let slot = (hole + 1) & mask; part[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.wordOf(this.#entryOf(part[slot] as number), 0) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      part[hole] = part[slot] as number
      hole = slot
    }
    part[hole] = 0
    this.#taken[word >>> PART_SHIFT]!--
  }
}
