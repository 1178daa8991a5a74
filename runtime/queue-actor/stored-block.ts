/**
 * What a queue on disk keeps in shared memory beside its consumers' slots: what only the process must know.
 *
 * ```
 * +4  CLOSING  epoch of the consumer whose end was begun last
 * +8  OPENED   1: a host of this process has looked at what the process before had handed out
 * +12 ACTIVE   epoch of the consumer that has the queue, if one alone has it; 0: none had
 * +64 f64 CLOCK  what the wall clock was before the process's own, when the process opened the queue; 0: it did not yet
 * ```
 *
 * The partition host's thread alone writes it, its successor reads it.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import type { Epoch } from '../words/quantities.ts'

const CLOSING = 4
const OPENED = 8
const ACTIVE = 12
const CLOCK = 64

export class StoredBlock {
  readonly #memory: Memory
  readonly #address: number

  constructor(memory: Memory, address: number) {
    this.#memory = memory
    this.#address = address
  }

  get closing(): Epoch {
    return this.#memory.i32[(this.#address + CLOSING) >> 2] as number
  }

  set closing(epoch: Epoch) {
    this.#memory.i32[(this.#address + CLOSING) >> 2] = epoch
  }

  get active(): Epoch {
    return this.#memory.i32[(this.#address + ACTIVE) >> 2] as number
  }

  set active(epoch: Epoch) {
    this.#memory.i32[(this.#address + ACTIVE) >> 2] = epoch
  }

  get clock(): number {
    return this.#memory.f64[(this.#address + CLOCK) >> 3] as number
  }

  set clock(aheadMs: number) {
    this.#memory.f64[(this.#address + CLOCK) >> 3] = aheadMs
  }

  /** Whether this process has gone on with the queue before. */
  get isOpened(): boolean {
    return this.#memory.i32[(this.#address + OPENED) >> 2] === 1
  }

  opened(): void {
    this.#memory.store(this.#address + OPENED, 1)
  }
}
