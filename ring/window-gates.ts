/**
 * Gates of a window: readers come, fall behind, leave or die, and the writer never overwrites what one is looking at.
 *
 * A gate serves one reader after another; each such term has a number, and a ticket names gate and term. Three roles,
 * each with words of its own (layout.ts), so that nothing is ever compared and swapped:
 *
 * ```
 * reader (ReaderGate)          keeper (GateKeeper)            writer (WindowGates)
 * INSIDE = 1                   ENDED = term                   load ENDED
 * load ENDED: its term?                                       is it the term? then load INSIDE: not 1?
 *   no:  read; POSITION = p; INSIDE = 0                         yes: the gate holds nothing any more
 *   yes: INSIDE = 2, lost                                       no:  it holds POSITION until INSIDE or EXITED says so
 * ```
 *
 * This is Dekker's argument. All accesses are atomic, hence in one order. Either the reader's INSIDE = 1 comes before
 * the writer's look at it, and the writer waits for the end of that one read. Or it comes after, and then so does the
 * reader's look at ENDED, which shows that the reader is out. Each read of the reader therefore happens before its
 * INSIDE = 0 (or POSITION) which the writer has loaded before it overwrites. No copy is ever made of bytes that change
 * meanwhile, so there is nothing to validate afterwards.
 *
 * A reader that died inside holds its gate until its thread's exit is known and reported (EXITED). That alone does not
 * end the term: a successor may go on at the same POSITION, and repeats the bytes that the dead one had not released.
 *
 * Bounds: as many readers as the table has gates; `open` returns `null` beyond. No call in here waits: a gate that
 * still holds makes `WindowWriter.reclaim` give less, and the writer decides about it.
 */
import { GATE_BYTES, GATE_ENDED, GATE_EXITED, GATE_INSIDE, GATE_POSITION, GATE_TERM } from './layout.ts'
import type { Memory } from './memory.ts'

const OUTSIDE = 0
const INSIDE = 1
const LEFT = 2

/** Terms count up to here and begin anew at 1; of two, that is the later one which is less than half of it ahead. */
const TERM_MASK = 0x7fffffff
const TERMS_APART_MAX = 0x40000000

/** Returned by `distance` when no gate holds anything: not a distance. */
export const NO_GATE: number = 2 ** 31

/** Names one reader's term at a gate; plain data, to be given to the reader's thread and to the keeper's. */
export interface GateTicket {
  readonly address: number
  readonly term: number
}

/** The writer's side of a table of gates; the window's writing thread only. */
export class WindowGates {
  readonly #memory: Memory
  readonly #address: number
  /** Term of each gate that holds a reader; 0: none. */
  readonly #terms: number[]

  /** Takes over `count` gates at `address` as the last writer left them; a table of zeroes has no reader. */
  constructor(memory: Memory, address: number, count: number) {
    this.#memory = memory
    this.#address = address
    this.#terms = Array.from({ length: count }, (_, index) => memory.load(this.#gate(index) + GATE_TERM))
  }

  #gate(index: number): number {
    return this.#address + index * GATE_BYTES
  }

  /** Opens a gate for a reader that starts at `position`, which the window still holds; `null`: all are taken. */
  open(position: number): GateTicket | null {
    for (let index = 0; index < this.#terms.length; index++) {
      const address = this.#gate(index)
      const last = this.#memory.load(address + GATE_TERM)
      if (last !== 0 && !this.#vacant(address, last)) continue
      // Vacant until the last store: a writer that dies before it leaves no reader behind.
      this.#memory.store(address + GATE_INSIDE, LEFT)
      const ticket = this.#begin(index, last)
      this.#memory.store(address + GATE_POSITION, position)
      this.#memory.store(address + GATE_INSIDE, OUTSIDE)
      return ticket
    }
    return null
  }

  /** Opens the gate of a reader whose thread has exited, for its successor, at the same position; `null`: it is not there. */
  reopen({ address, term }: GateTicket): GateTicket | null {
    const index = (address - this.#address) / GATE_BYTES
    if (this.#terms[index] !== term || this.#memory.load(address + GATE_EXITED) !== term) return null
    const ticket = this.#begin(index, term)
    this.#memory.store(address + GATE_INSIDE, OUTSIDE)
    return ticket
  }

  /** Terms that hold bytes now. */
  tickets(): GateTicket[] {
    const tickets: GateTicket[] = []
    for (const [index, term] of this.#terms.entries()) {
      const address = this.#gate(index)
      if (term !== 0 && this.#holds(address, term)) tickets.push({ address, term })
    }
    return tickets
  }

  #begin(index: number, last: number): GateTicket {
    const term = (last + 1) & TERM_MASK || 1
    this.#memory.store(this.#gate(index) + GATE_TERM, term)
    this.#terms[index] = term
    return { address: this.#gate(index), term }
  }

  /** Whether the reader of this term writes to its line no more, so that another may. */
  #vacant(gate: number, term: number): boolean {
    if (this.#memory.load(gate + GATE_INSIDE) === LEFT) return true
    return this.#memory.load(gate + GATE_ENDED) === term && this.#memory.load(gate + GATE_EXITED) === term
  }

  /** Whether the gate holds bytes of the window. */
  #holds(gate: number, term: number): boolean {
    const ended = this.#memory.load(gate + GATE_ENDED) === term
    const inside = this.#memory.load(gate + GATE_INSIDE)
    if (!ended) return inside !== LEFT
    return inside === INSIDE && this.#memory.load(gate + GATE_EXITED) !== term
  }

  /** Bytes from `start` to the slowest gate, at most `most`, or `NO_GATE`. */
  distance(start: number, most: number): number {
    let least = NO_GATE
    for (let index = 0; index < this.#terms.length; index++) {
      const term = this.#terms[index] as number
      if (term === 0) continue
      const gate = this.#gate(index)
      if (!this.#holds(gate, term)) {
        this.#terms[index] = 0
        continue
      }
      const distance = Math.min(most, (this.#memory.load(gate + GATE_POSITION) - start) | 0)
      if (least === NO_GATE || distance < least) least = distance
    }
    return least
  }
}

/**
 * Reports readers that are to end and readers that have died: the writer, or another thread that sees them. One thread
 * for each window.
 */
export class GateKeeper {
  readonly #memory: Memory

  constructor(memory: Memory) {
    this.#memory = memory
  }

  /** Position of the reader; its lag is the window's end less this. */
  position({ address }: GateTicket): number {
    return this.#memory.load(address + GATE_POSITION)
  }

  /** Ends a reader's term: the writer passes it as soon as it is not inside. It learns of it at its next `enter`. */
  end({ address, term }: GateTicket): void {
    this.#advance(address + GATE_ENDED, term)
  }

  /** The reader's thread has exited (its `'exit'` was seen): it is inside no more, wherever it was. */
  exited({ address, term }: GateTicket): void {
    this.#advance(address + GATE_EXITED, term)
  }

  /** Never back: a term that has ended would begin again, for a reader which the writer has passed. */
  #advance(word: number, term: number): void {
    const ahead = (term - this.#memory.load(word)) & TERM_MASK
    if (ahead < TERMS_APART_MAX) this.#memory.store(word, term)
  }
}

/** A reader's side of its gate; one thread only. */
export class ReaderGate {
  readonly #memory: Memory
  readonly #address: number
  readonly #term: number
  /** First byte still needed; moved by `leave`. */
  position: number

  constructor(memory: Memory, { address, term }: GateTicket) {
    this.#memory = memory
    this.#address = address
    this.#term = term
    this.position = memory.load(address + GATE_POSITION)
  }

  /** Whether the keeper has ended this term: a reader that sleeps looks at this too. */
  get ended(): boolean {
    return this.#memory.load(this.#address + GATE_ENDED) === this.#term
  }

  /**
   * Begins a read. Until `leave`, every byte from `position` to the window's end stays as it is, and the writer may
   * have to wait for it; keep it short. False: the term was ended, and this gate can no longer be used.
   */
  enter(): boolean {
    this.#memory.store(this.#address + GATE_INSIDE, INSIDE)
    if (this.#memory.load(this.#address + GATE_ENDED) !== this.#term) return true
    this.#memory.store(this.#address + GATE_INSIDE, LEFT)
    return false
  }

  /** Ends a read; everything before `position` was taken. */
  leave(position: number): void {
    if (position !== this.position) {
      this.position = position
      this.#memory.store(this.#address + GATE_POSITION, position)
    }
    this.#memory.store(this.#address + GATE_INSIDE, OUTSIDE)
  }

  /** Gives the gate up for good. */
  close(): void {
    this.#memory.store(this.#address + GATE_INSIDE, LEFT)
  }
}
