/**
 * The ids of a queue in memory, in shared memory behind its block: they are known for as long as the queue is there, whichever host it has.
 *
 * ```
 * +0   f64 END         entries so far
 * +8   f64 FIRST       the oldest one that is known
 * +16  f64 DUPLICATES  messages that were not taken
 * +24  f64 FORGOTTEN   ids that were forgotten before their time
 * +64  entries (base/id-room.ts), each at its number modulo how many there may be
 * ```
 *
 * The partition host's thread alone writes it, its successor reads it. An entry is written before END is behind it, and FIRST has passed
 * the one that it replaces. DUPLICATES may count a message twice for each host that died.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { ID_ENTRY_BYTES, type IdRoom } from '../base/id-room.ts'
import { ID_BLOCK_HEADER_BYTES } from '../wire/queue-places.ts'

const END = 0
const FIRST = 1
const DUPLICATES = 2
const FORGOTTEN = 3

export class IdBlock implements IdRoom {
  readonly #most: number
  readonly #memory: Memory
  /** Index of the header among the memory's f64. */
  readonly #header: number
  /** Number of the first entry, counted from the memory's beginning. */
  readonly #entries: number

  /** `address`: a multiple of 32. */
  constructor(memory: Memory, address: number, most: number) {
    this.#memory = memory
    this.#most = most
    this.#header = address >> 3
    this.#entries = (address + ID_BLOCK_HEADER_BYTES) / ID_ENTRY_BYTES
  }

  get end(): number {
    return this.#get(END)
  }

  set end(entry: number) {
    this.#set(END, entry)
  }

  get first(): number {
    return this.#get(FIRST)
  }

  set first(entry: number) {
    this.#set(FIRST, entry)
  }

  get duplicates(): number {
    return this.#get(DUPLICATES)
  }

  set duplicates(count: number) {
    this.#set(DUPLICATES, count)
  }

  get forgotten(): number {
    return this.#get(FORGOTTEN)
  }

  set forgotten(count: number) {
    this.#set(FORGOTTEN, count)
  }

  #get(word: number): number {
    return this.#memory.f64[this.#header + word] as number
  }

  #set(word: number, value: number): void {
    this.#memory.f64[this.#header + word] = value
  }

  /** All its room is there. */
  reserve(): void {}

  words(): Int32Array {
    return this.#memory.i32
  }

  doubles(): Float64Array {
    return this.#memory.f64
  }

  at(entry: number): number {
    return this.#entries + (entry % this.#most)
  }
}
