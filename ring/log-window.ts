/**
 * A window over the newest bytes of a log: one writer, many readers, each with a word of its own that the writer heeds.
 *
 * The writer copies bytes in after the end, then commits: it fills the idle bank with the successor's state, flips the
 * generation (the atomic point), and stores the end that readers load. Bytes between the committed start and end are
 * never rewritten. A start that moved is committed by itself before anything behind it is overwritten, because a
 * successor walks from there. The start moves up to the slowest gate (`reclaim`). In a log that is also stored
 * elsewhere it moves past all readers that are not copying at that moment (`overtake`, window-pins.ts). A window does
 * one or the other. Data may wrap anywhere: there is no padding, so the window holds exactly the bytes of the log. A
 * reader copies bytes out and then moves its gate or leaves its pin.
 *
 * A window whose readers are overtaken may get other memory for its data, larger or smaller, while they read
 * (`moveTo`). It may leave out bytes that it has no room for (`skip`). Both drop its whole content, and positions go on
 * as before:
 *
 * ```
 * writer                                   reader (pinned at p, before or at END)
 * START = END; no pin before END?          load END: is it p? then there is nothing to copy
 *   no:  not now                             no: load PLACE, and copy from there
 *   yes: a bank says that it is empty
 *        PLACE = the new one
 *        data; then END = after them
 * ```
 *
 * A reader that has bytes to copy is pinned before END. Then there are three cases. Its pin was seen, and PLACE stayed.
 * Or it entered after START had passed it, and fell out. Or END had moved when it looked, after PLACE, which does not
 * move again while it is pinned. The old memory is therefore free once PLACE is stored. A writer that dies leaves PLACE
 * at one memory or the other, empty in either case.
 *
 * Layout: layout.ts. Bound: `capacity` bytes; `free` says what is left, and a writer that finds too little waits.
 */
import {
  LINE_BYTES,
  WINDOW_BANK_BYTES,
  WINDOW_BANKS,
  WINDOW_DATA,
  WINDOW_END,
  WINDOW_GENERATION,
  WINDOW_PLACE,
} from './layout.ts'
import type { Memory } from './memory.ts'
import { type GateTicket, NO_GATE, type WindowGates } from './window-gates.ts'
import { WindowPins } from './window-pins.ts'

/** Words of a bank that the window itself uses; the other `BANK_WORDS` are the owner's. */
const BANK_END = 0
const BANK_START = 1
const BANK_OWN = 2
/** Words of a bank left to the owner of the window. */
export const BANK_WORDS: number = WINDOW_BANK_BYTES / 4 - BANK_OWN

/** Returned by `claim` when the bytes would wrap: they are written elsewhere and copied in. */
export const WRAPS = -3

/** Memory for the data of a window: `capacity` bytes, a power of two, at a multiple of 128. */
export interface WindowData {
  readonly address: number
  readonly capacity: number
}

/** Bits of a place that say its capacity. */
const EXPONENT_BITS = 5

function placeWord({ address, capacity }: WindowData): number {
  if (address % LINE_BYTES !== 0 || !(capacity > 0) || (capacity & (capacity - 1)) !== 0)
    throw new RangeError(
      `give data at a multiple of ${LINE_BYTES}, of a power of two of bytes, not ${capacity} at ${address}`,
    )
  return ((address / LINE_BYTES) << EXPONENT_BITS) | (31 - Math.clz32(capacity))
}

/** The data that the word at a window's place means; `own`: the data behind its words. */
function dataOf(word: number, own: WindowData): WindowData {
  if (word === 0) return own
  return { address: (word >>> EXPONENT_BITS) * LINE_BYTES, capacity: 2 ** (word & ((1 << EXPONENT_BITS) - 1)) }
}

/** The writer's side; one thread only. */
export class WindowWriter {
  readonly memory: Memory
  readonly address: number
  /** Capacity of its present data. */
  capacity: number
  readonly #own: WindowData
  #data: number
  #mask: number
  #generation: number
  #committedStart: number
  /** Position after the last byte that readers may see. */
  committedEnd: number
  /** Position after the last byte copied in; visible to readers after `commit`. */
  end: number
  /** Position of the oldest byte kept. */
  start: number
  /** The owner's words for its successor: set before a commit, and committed together with the end. */
  readonly own: Int32Array
  /** Addresses of the words that hold the gates: positions which the start must not pass. */
  readonly gates: number[] = []
  /** Readers that are overtaken, and the begin of the window for them. */
  readonly pins: WindowPins
  /** Readers that can be detached; `null`: none ever is. */
  readonly #table: WindowGates | null

  /** Takes over a window where its last writer committed, with the table of its gates if it has one. */
  constructor(memory: Memory, address: number, capacity: number, table: WindowGates | null = null) {
    this.memory = memory
    this.address = address
    this.#own = { address: address + WINDOW_DATA, capacity }
    const data = dataOf(memory.load(address + WINDOW_PLACE), this.#own)
    this.capacity = data.capacity
    this.#data = data.address
    this.#mask = data.capacity - 1
    this.#table = table
    this.pins = new WindowPins(memory, address)
    this.#generation = memory.load(address + WINDOW_GENERATION)
    const bank = this.#bank(this.#generation)
    this.end = memory.i32[bank + BANK_END] as number
    this.start = memory.i32[bank + BANK_START] as number
    this.committedEnd = this.end
    this.#committedStart = this.start
    this.own = new Int32Array(BANK_WORDS)
    for (let word = 0; word < BANK_WORDS; word++) this.own[word] = memory.i32[bank + BANK_OWN + word] as number
    memory.store(address + WINDOW_END, this.end)
  }

  #bank(generation: number): number {
    return (this.address + WINDOW_BANKS + (generation & 1) * WINDOW_BANK_BYTES) >> 2
  }

  /** Bytes that can be copied in now: none while it `isPassed`. */
  free(): number {
    return this.isPassed ? 0 : this.capacity - ((this.end - this.start) | 0)
  }

  /**
   * Readers were told that it begins behind its end, for bytes that were to be left out and were not: one of them was copying, or a
   * predecessor died before the commit. What comes in their place need not end there, so no frame may begin before. `overtake`, also
   * of nothing, and `skip` go on from there, once no reader is copying.
   */
  get isPassed(): boolean {
    return this.pins.isTold && ((this.pins.start - this.end) | 0) > 0
  }

  /**
   * Opens a gate in the table for a reader that starts at `position`, default the committed end; `null`: the table is
   * full. A position that the window does not hold is a `RangeError`.
   */
  attach(position: number = this.committedEnd): GateTicket | null {
    if (this.#table === null) throw new TypeError('give the window a table of gates to attach readers')
    const offset = (position - this.start) | 0
    if (offset < 0 || offset > ((this.committedEnd - this.start) | 0))
      throw new RangeError(`position ${position} is not between ${this.start} and ${this.committedEnd}`)
    return this.#table.open(position)
  }

  /** Opens the gate of a reader that has exited for its successor, where it stood; `null`: no such gate is open. */
  reattach(ticket: GateTicket): GateTicket | null {
    return this.#table?.reopen(ticket) ?? null
  }

  /** Readers in the table. A successor finds here also readers that its predecessor had not given their gate. */
  tickets(): GateTicket[] {
    return this.#table?.tickets() ?? []
  }

  /** Moves the start up to the slowest gate; without gates it stays. Returns the bytes then free. */
  reclaim(): number {
    const kept = (this.end - this.start) | 0
    let least = this.gates.length > 0 ? kept : 0
    for (const gate of this.gates) {
      const distance = (this.memory.load(gate) - this.start) | 0
      if (distance < least) least = distance
    }
    if (this.#table !== null) {
      const distance = this.#table.distance(this.start, kept)
      if (distance !== NO_GATE && (this.gates.length === 0 || distance < least)) least = distance
    }
    if (least > 0) this.start = (this.start + least) | 0
    return this.free()
  }

  /**
   * Drops at least the oldest `bytes`, which are committed, whether readers have read them or not. False, and nothing
   * is dropped, while a reader is copying there. Readers may then enter there no more, so that a later call succeeds.
   */
  overtake(bytes: number): boolean {
    if (!this.pins.pass((this.start + bytes) | 0)) return false
    if (this.isPassed) {
      // It is empty, and its end is wherever that begins; readers and successors need not hear of it before something is there.
      this.end = this.pins.start
      this.committedEnd = this.end
    }
    this.start = this.pins.start
    return true
  }

  /** Memory to which it was moved; `null`: its data are behind its words. */
  get movedTo(): WindowData | null {
    return this.#data === this.#own.address ? null : { address: this.#data, capacity: this.capacity }
  }

  /**
   * Continues, empty, with other memory for its data, or with the memory behind its words (`null`), which stays
   * reserved. Its memory before is then free. False, and nothing has moved, while a reader is copying, or while copied
   * bytes are not committed; try again. For a window with pins only. A place that `WindowData` does not allow is a
   * `RangeError`.
   */
  moveTo(place: WindowData | null): boolean {
    const word = place === null ? 0 : placeWord(place)
    if (this.end !== this.committedEnd || !this.pins.pass(this.end)) return false
    this.start = this.end
    this.#flip(this.committedEnd)
    this.memory.store(this.address + WINDOW_PLACE, word)
    const { address, capacity } = place ?? this.#own
    this.#data = address
    this.#mask = capacity - 1
    this.capacity = capacity
    return true
  }

  /**
   * Moves the end over `bytes` or more that are not here and that readers find elsewhere; nothing else is left in the window. Seen
   * after `commit`, forgotten by `rewind`. False, and nothing has moved, while a reader is copying, or stands at the end.
   */
  skip(bytes: number): boolean {
    if (!this.pins.pass((this.end + bytes) | 0)) return false
    this.end = this.pins.start
    this.start = this.end
    return true
  }

  /** Gives up the oldest `bytes`; the caller knows that no gate stands there. */
  drop(bytes: number): void {
    this.start = (this.start + bytes) | 0
  }

  /**
   * Drops bytes copied in since the last commit. Readers have seen none of them. Where a frame was to be left out, nothing is
   * left, and the window goes on where readers were told that it begins.
   */
  rewind(): void {
    if (((this.start - this.committedEnd) | 0) > 0) this.committedEnd = this.start
    this.end = this.committedEnd
  }

  /** Before `bytes` go to the end: the overwritten bytes must not lie behind the start that a successor would find. */
  #cede(bytes: number): void {
    if (((this.end + bytes - this.#committedStart) | 0) > this.capacity) this.#flip(this.committedEnd)
  }

  /** Address of the next `bytes`, to be written in place; or `WRAPS`. The caller has checked `free`. */
  claim(bytes: number): number {
    const at = this.end & this.#mask
    if (at + bytes > this.capacity) return WRAPS
    this.#cede(bytes)
    return this.#data + at
  }

  /** Moves the end over a written claim. */
  advance(bytes: number): void {
    this.end = (this.end + bytes) | 0
  }

  /** Copies `bytes` from elsewhere in the same memory to the end. The caller has checked `free`. */
  copyIn(source: number, bytes: number): void {
    this.#cede(bytes)
    const at = this.end & this.#mask
    const first = Math.min(bytes, this.capacity - at)
    this.memory.copy(this.#data + at, source, first)
    if (first < bytes) this.memory.copy(this.#data, source + first, bytes - first)
    this.end = (this.end + bytes) | 0
  }

  /** Copies private bytes to the end. The caller has checked `free`. */
  writeIn(source: Uint8Array): void {
    this.#cede(source.length)
    const at = this.end & this.#mask
    const first = Math.min(source.length, this.capacity - at)
    this.memory.u8.set(first === source.length ? source : source.subarray(0, first), this.#data + at)
    if (first < source.length) this.memory.u8.set(source.subarray(first), this.#data)
    this.end = (this.end + source.length) | 0
  }

  /** Makes everything copied in visible, together with start and `own`. */
  commit(): void {
    this.#flip(this.end)
    this.committedEnd = this.end
    this.memory.store(this.address + WINDOW_END, this.end)
  }

  /** Fills the idle bank and makes it the one that counts. Between commits `own` holds what is true of the last one. */
  #flip(end: number): void {
    const next = (this.#generation + 1) | 0
    const bank = this.#bank(next)
    const words = this.memory.i32
    words[bank + BANK_END] = end
    words[bank + BANK_START] = this.start
    for (let word = 0; word < BANK_WORDS; word++) words[bank + BANK_OWN + word] = this.own[word] as number
    this.memory.store(this.address + WINDOW_GENERATION, next)
    this.#generation = next
    this.#committedStart = this.start
  }
}

/** A reader's side: looks at the end and at the bytes before it, as its gate or pin allows. Any thread. */
export class WindowReader {
  readonly memory: Memory
  readonly address: number
  /** Capacity of the data that it reads. */
  capacity: number
  readonly #own: WindowData
  #place = 0
  #data: number
  #mask: number

  constructor(memory: Memory, address: number, capacity: number) {
    this.memory = memory
    this.address = address
    this.#own = { address: address + WINDOW_DATA, capacity }
    this.capacity = capacity
    this.#data = this.#own.address
    this.#mask = capacity - 1
  }

  /**
   * Loads the place of the data of a window that may be moved. The writer calls it at any time. A reader calls it while
   * it is pinned, after it has loaded the end, and before it reads bytes.
   */
  follow(): void {
    const place = this.memory.load(this.address + WINDOW_PLACE)
    if (place === this.#place) return
    const { address, capacity } = dataOf(place, this.#own)
    this.#place = place
    this.#data = address
    this.capacity = capacity
    this.#mask = capacity - 1
  }

  /** The committed end, a position. */
  end(): number {
    return this.memory.load(this.address + WINDOW_END)
  }

  /** Address of the byte at a position between start and end. */
  addressOf(position: number): number {
    return this.#data + (position & this.#mask)
  }

  /** Bytes from a position up to where the data wraps. */
  untilWrap(position: number): number {
    return this.capacity - (position & this.#mask)
  }

  /** The aligned word at a position between start and end. */
  word(position: number): number {
    return this.memory.i32[(this.#data + (position & this.#mask)) >> 2] as number
  }

  /** Copies `bytes` from a position into private memory. */
  copyOut(position: number, bytes: number, target: Uint8Array, at: number): void {
    const from = position & this.#mask
    const first = Math.min(bytes, this.capacity - from)
    target.set(this.memory.u8.subarray(this.#data + from, this.#data + from + first), at)
    if (first < bytes) target.set(this.memory.u8.subarray(this.#data, this.#data + bytes - first), at + first)
  }
}
