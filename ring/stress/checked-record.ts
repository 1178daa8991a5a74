/**
 * The records of the stress: of random length, numbered, and signed, so that a lost, torn or displaced one shows.
 *
 * Any thread. Also the stalls that hold a thread at random places, where it may then be killed.
 *
 *     | i32 length of all | i32 number | u32 CRC-32 of the rest, with seed number | i32 words |
 */
import { crc32 } from 'node:zlib'
import type { Memory } from '../memory.ts'

const HEADER_BYTES = 12
/** Longest record in bytes; all are multiples of 8. */
export const RECORD_BYTES_MAX = 480

const stallWord = new Int32Array(new SharedArrayBuffer(4))

/** A thread's own random numbers. Source: Numerical Recipes' 32-bit generator; the high bits are the good ones. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  word(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0
    return this.#state
  }

  below(bound: number): number {
    return Math.floor(((this.word() >>> 0) / 2 ** 32) * bound)
  }

  recordBytes(): number {
    return 16 + 8 * this.below((RECORD_BYTES_MAX - 16) / 8 + 1)
  }

  /** Blocks for up to `ms`, once in `times` on average. */
  stall(times: number, ms: number): void {
    if (this.below(times) === 0) Atomics.wait(stallWord, 0, 0, this.below(ms) + 0.1)
  }
}

/** Writes record `number` in place, in two halves with a moment between in which the thread may die. */
export function writeRecord(memory: Memory, address: number, bytes: number, number: number, random: Random): void {
  const words = memory.i32
  const from = (address + HEADER_BYTES) >> 2
  const to = (address + bytes) >> 2
  const half = (from + to) >> 1
  words[address >> 2] = bytes
  words[(address >> 2) + 1] = number
  for (let word = from; word < half; word++) words[word] = random.word()
  random.stall(5_000, 5)
  for (let word = half; word < to; word++) words[word] = random.word()
  words[(address >> 2) + 2] = crc32(memory.bytes.subarray(address + HEADER_BYTES, address + bytes), number >>> 0) | 0
}

/** Fault of the record, or `null`. */
export function faultOf(memory: Memory, address: number, bytes: number, expected: number): string | null {
  const words = memory.i32
  const [length, number, signature] = [0, 1, 2].map(word => words[(address >> 2) + word] as number)
  if (number !== expected) return `record ${number} came in place of ${expected}`
  if (length !== bytes) return `record ${number} has ${length} bytes, not ${bytes}`
  const sum = crc32(memory.bytes.subarray(address + HEADER_BYTES, address + bytes), expected >>> 0) | 0
  return sum === signature ? null : `record ${number} is torn: its checksum is wrong`
}
