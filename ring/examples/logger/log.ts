/**
 * A caller's side of the logger: puts lines into the caller's own ring and never waits for anyone.
 *
 * One thread at a time; when that thread has exited, another may continue. Bound: the ring. A line that finds it full
 * is dropped and counted, and the logging thread writes the number at that place.
 */
import { Doorbell, FULL, Memory, RingProducer } from 'sharedarraybuffer-ring'
import { type CallerPlace, LINE_HEADER_BYTES } from './log-place.ts'

/** UTF-8 takes at most three bytes for each unit of a string. */
const BYTES_PER_UNIT_MAX = 3

export class Log {
  readonly #memory: Memory
  readonly #ring: RingProducer
  readonly #bell: Doorbell
  readonly #droppedWord: number
  readonly #unitsMax: number
  #dropped: number

  constructor({ memory, ring, capacity, bell, dropped }: CallerPlace) {
    this.#memory = new Memory(memory)
    this.#ring = new RingProducer(this.#memory, ring, capacity)
    this.#bell = new Doorbell(this.#memory, bell)
    this.#droppedWord = dropped
    this.#dropped = this.#memory.load(dropped)
    // A record takes at most half of its ring.
    this.#unitsMax = Math.floor((capacity / 2 - LINE_HEADER_BYTES) / BYTES_PER_UNIT_MAX)
  }

  /** Lines dropped by this caller so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Hands one line over (no newline at its end); false: it was dropped. Longer ones than a ring can take are cut. */
  log(line: string): boolean {
    const text = line.length > this.#unitsMax ? line.slice(0, this.#unitsMax) : line
    const bytesMax = text.length * BYTES_PER_UNIT_MAX
    const address = this.#ring.claim(LINE_HEADER_BYTES + bytesMax)
    if (address === FULL) {
      this.#dropped = (this.#dropped + 1) | 0
      this.#memory.store(this.#droppedWord, this.#dropped)
      return false
    }
    const length = LINE_HEADER_BYTES + this.#memory.bytes.write(text, address + LINE_HEADER_BYTES, bytesMax, 'utf8')
    this.#memory.i32[address >> 2] = length
    this.#memory.i32[(address + 4) >> 2] = this.#dropped
    this.#ring.advance(length)
    this.#ring.publish()
    this.#bell.ring()
    return true
  }
}
