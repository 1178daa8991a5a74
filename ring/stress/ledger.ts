/**
 * State of a thread under stress for its successor: the number that belongs to the position of the ring or window.
 *
 * One writer at a time, a line each. A step is recorded before and after it is taken. A reader of the ring's own word
 * therefore knows exactly which of the two numbers is true of it, wherever the predecessor died:
 *
 * ```
 * +0 AT      position that the step leads to        written first
 * +4 NEXT    number that is then the next           written second; then the step itself is taken
 * +8 BEFORE  the number that was next until then    written last, with the new number, when the step was taken
 * +12 COUNT  grows with every record: who watches sees that something moves
 * +16 SEEN   the highest number seen so far, and one
 * ```
 */
import { LINE_BYTES } from '../layout.ts'
import type { Memory } from '../memory.ts'

export const LEDGER_BYTES: number = LINE_BYTES

export class Ledger {
  readonly #memory: Memory
  readonly #address: number

  constructor(memory: Memory, address: number) {
    this.#memory = memory
    this.#address = address
  }

  /** About to move to `position`, where `next` is the next number. */
  intend(position: number, next: number): void {
    this.#memory.store(this.#address, position)
    this.#memory.store(this.#address + 4, next)
  }

  /** The move was made. */
  done(next: number): void {
    this.#memory.store(this.#address + 8, next)
  }

  /** The number that is next where the word that was to move stands at `position`. */
  nextAt(position: number): number {
    return this.#memory.load(this.#address + (this.#memory.load(this.#address) === position ? 4 : 8))
  }

  /** Begins anew: a reader that starts at another's place. */
  reset(position: number, next: number): void {
    this.intend(position, next)
    this.done(next)
  }

  count(): void {
    const word = (this.#address + 12) >> 2
    this.#memory.i32[word] = ((this.#memory.i32[word] as number) + 1) | 0
  }

  get counted(): number {
    return this.#memory.load(this.#address + 12)
  }

  get seen(): number {
    return this.#memory.load(this.#address + 16)
  }

  see(next: number): void {
    if (next > this.seen) this.#memory.store(this.#address + 16, next)
  }
}
