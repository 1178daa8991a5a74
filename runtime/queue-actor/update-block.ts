/**
 * What was updated of messages of a queue in memory: entries in shared memory behind the words of its messages, for as long as these are not
 * settled.
 *
 * ```
 * +0  f64 OFFSET     of the message, and 1 more; 0: the entry is free
 * +8  f64 NOT_BEFORE as the field of a record is (window-times.ts); 0: the record says it
 * +16 f64 EXPIRES_AT the same; -Infinity: it never expires
 * +24 i32 PRIORITY   and 1 more; 0: the record says it
 * ```
 *
 * The partition host's thread alone writes it, its successor reads it. An update fills a free entry, whose OFFSET is written last, and
 * then frees the one that the message had. A host that dies between the two leaves both, and its successor takes either: who has asked for
 * the update was not answered.
 *
 * Bound: the entries, of which one stays free.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import type { MessageUpdate } from '../queue/updating.ts'
import type { Offset } from '../words/quantities.ts'

const ENTRY_SHIFT = 5
const NOT_BEFORE = 8
const EXPIRES_AT = 16
const PRIORITY = 24
/** Nothing was updated of it: its record counts. */
export const NOWHERE = -1

export class UpdateBlock {
  readonly #memory: Memory
  readonly #address: number
  readonly #most: number
  readonly #entries = new Map<Offset, number>()
  readonly #free: number[] = []

  /** Empty, until what a predecessor left is taken over. */
  constructor(memory: Memory, address: number, most: number) {
    this.#memory = memory
    this.#address = address
    this.#most = most
  }

  /** Messages that may be updated at a time, those that are settled not counted. */
  get most(): number {
    return this.#most - 1
  }

  takeOver(isSettled: (offset: Offset) => boolean): void {
    const { f64 } = this.#memory
    for (let entry = 0; entry < this.#most; entry++) {
      const offset = (f64[this.#at(entry, 0) >> 3] as number) - 1
      if (offset === NOWHERE || isSettled(offset) || this.#entries.has(offset)) this.#release(entry)
      else this.#entries.set(offset, entry)
    }
  }

  hasRoomFor(offset: Offset): boolean {
    return this.#entries.size < this.most || this.#entries.has(offset)
  }

  /** What is not null is different from now on, which a successor knows when this returns. There is room for it. */
  put(offset: Offset, { priority, dueMs, expiresMs }: MessageUpdate): void {
    const entry = this.#free.pop() as number
    const before = this.#entries.get(offset) ?? NOWHERE
    const { f64, i32 } = this.#memory
    const of = (part: number): number => (before === NOWHERE ? 0 : (f64[this.#at(before, part) >> 3] as number))
    const known = before === NOWHERE ? 0 : (i32[this.#at(before, PRIORITY) >> 2] as number)
    f64[this.#at(entry, NOT_BEFORE) >> 3] = dueMs === null ? of(NOT_BEFORE) : -dueMs
    f64[this.#at(entry, EXPIRES_AT) >> 3] = expiresMs === null ? of(EXPIRES_AT) : -expiresMs
    i32[this.#at(entry, PRIORITY) >> 2] = priority === null ? known : priority + 1
    f64[this.#at(entry, 0) >> 3] = offset + 1
    this.#entries.set(offset, entry)
    if (before !== NOWHERE) this.#release(before)
  }

  /** It is settled. */
  forget(offset: Offset): void {
    if (this.#entries.size === 0) return
    const entry = this.#entries.get(offset)
    if (entry === undefined) return
    this.#entries.delete(offset)
    this.#release(entry)
  }

  /** -1: the record says it. */
  priorityOf(offset: Offset): number {
    const entry = this.#entryOf(offset)
    return entry === NOWHERE ? NOWHERE : (this.#memory.i32[this.#at(entry, PRIORITY) >> 2] as number) - 1
  }

  /** Index among the memory's f64 of the field that says when it is due; -1: the record's does. */
  notBeforeAt(offset: Offset): number {
    return this.#fieldAt(offset, NOT_BEFORE)
  }

  /** The same of when it expires. */
  expiresAtAt(offset: Offset): number {
    return this.#fieldAt(offset, EXPIRES_AT)
  }

  #fieldAt(offset: Offset, part: number): number {
    const entry = this.#entryOf(offset)
    if (entry === NOWHERE) return NOWHERE
    const index = this.#at(entry, part) >> 3
    return this.#memory.f64[index] === 0 ? NOWHERE : index
  }

  #entryOf(offset: Offset): number {
    return this.#entries.size === 0 ? NOWHERE : (this.#entries.get(offset) ?? NOWHERE)
  }

  #at(entry: number, part: number): number {
    return this.#address + (entry << ENTRY_SHIFT) + part
  }

  #release(entry: number): void {
    this.#memory.f64[this.#at(entry, 0) >> 3] = 0
    this.#free.push(entry)
  }
}
