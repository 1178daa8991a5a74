/**
 * Pins of a window whose writer overtakes its readers: no reader holds it back for longer than one copy.
 *
 * For logs that are also stored elsewhere: a reader that falls out of the window reads there until it has caught up.
 * Each reader has a pin, one word, which is idle except for the time of a copy. Two roles:
 *
 * ```
 * reader (ReaderPin)                       writer (WindowPins)
 * pin = position                           START = target
 * load START, then LAP: position before?   LAP = target's, if it is another
 *   no:  copy; pin = idle                  load all pins: one before target?
 *   yes: pin = idle, fallen out              no:  bytes before target may be overwritten
 *                                            yes: not yet; START stays where it is
 * ```
 *
 * This is Dekker's argument. All accesses are atomic, hence in one order. Either the reader's pin comes before the
 * writer's look at it, and the writer leaves the bytes alone. Or it comes after, and then so does the reader's look at
 * START, which shows that the reader is out. A copy happens before its pin = idle, which the writer has loaded before
 * it overwrites. No copy is ever made of bytes that change meanwhile, so there is nothing to validate afterwards.
 *
 * START is never before the writer's own start and never goes back: not when the writer had to leave bytes alone, and
 * not under a successor, whose bank may have less. Readers fall out sooner than they must, never later. The bytes
 * between the two starts are whole, and readable to the writer alone. START may come to be behind the end,
 * because the bytes that it was moved for were never committed. Then the writer's end goes on from START: no frame may lie across
 * it (`WindowWriter.isPassed`).
 *
 * No reader holds the writer back, so a reader may fall behind by any number of bytes. Positions alone cannot count
 * them: from 2^31 on START would seem to lie before its position. So START's lap of 2^30 bytes is counted as well. It
 * is stored after START, which moves by one lap at most at a time. A reader that loads START and then a LAP that is not
 * past its position's finds START less than two laps after it, where positions can be compared.
 *
 * A reader that died with its pin set holds the writer until the pin is removed, when its thread's exit is known.
 * Bounds: a word for each reader; each overtaking looks at all of them. No call in here waits.
 */
import { PIN_IDLE, WINDOW_LAP, WINDOW_START } from './layout.ts'
import type { Memory } from './memory.ts'

const LAP_SHIFT = 30
/** The two topmost bits of a position say its lap but for multiples of four. */
const LAPS_KNOWN = 3

/** The lap of a position that lies in this lap or in one of the next three. */
function lapFrom(lap: number, position: number): number {
  return (lap + (((position >>> LAP_SHIFT) - lap) & LAPS_KNOWN)) | 0
}

/** The writer's side; the window's writing thread only. */
export class WindowPins {
  readonly #memory: Memory
  readonly #window: number
  readonly #addresses: number[] = []
  #lap: number
  /** Position of the oldest byte that readers may enter at, as stored for them. */
  start: number
  /** Whether readers were ever told: those of a window with gates are not, and its start says nothing. */
  isTold: boolean

  /** Continues the last writer's window at this address. The code that knows the readers adds their pins. */
  constructor(memory: Memory, window: number) {
    this.#memory = memory
    this.#window = window
    this.start = memory.load(window + WINDOW_START)
    this.#lap = memory.load(window + WINDOW_LAP)
    this.isTold = this.start !== 0 || this.#lap !== 0
    // A predecessor may have died between the two.
    this.#tellLap()
  }

  /** Adds a reader whose pin is at this address; its word is idle, or set by the reader. */
  add(pin: number): void {
    this.#addresses.push(pin)
  }

  /** The reader is gone: it has said so, or its thread has exited. */
  remove(pin: number): void {
    const at = this.#addresses.indexOf(pin)
    if (at !== -1) this.#addresses.splice(at, 1)
  }

  /**
   * Stores for readers that the window begins at `target`, or at the stored begin if that is later. Returns whether no
   * reader is reading bytes before there. If one is, ask again: it falls out of the window when it has copied them.
   */
  pass(target: number): boolean {
    if (((target - this.start) | 0) > 0) this.start = target
    this.isTold = true
    this.#memory.store(this.#window + WINDOW_START, this.start)
    this.#tellLap()
    for (const pin of this.#addresses) {
      const position = this.#memory.load(pin)
      if (position !== PIN_IDLE && ((position - this.start) | 0) < 0) return false
    }
    return true
  }

  #tellLap(): void {
    const lap = lapFrom(this.#lap, this.start)
    if (lap === this.#lap) return
    this.#lap = lap
    this.#memory.store(this.#window + WINDOW_LAP, lap)
  }
}

/** A reader's side of its pin; one thread only. */
export class ReaderPin {
  readonly #memory: Memory
  readonly #window: number
  readonly #pin: number
  /** Lap of the position where it entered last. */
  #lap = 0

  /** For the window at one address and the pin at another, which its writer must add. */
  constructor(memory: Memory, window: number, pin: number) {
    this.#memory = memory
    this.#window = window
    this.#pin = pin
  }

  /** Begins a read at the oldest byte of the window, and returns its position; `null`: the writer has just passed it. */
  enterOldest(): number | null {
    this.#lap = this.#memory.load(this.#window + WINDOW_LAP)
    const start = this.#memory.load(this.#window + WINDOW_START)
    return this.enter(start) ? start : null
  }

  /**
   * Begins a read. Until `leave`, every byte from `position` to the window's end stays as it is, and the writer may
   * have to wait for it; keep it short. `position` is between the last position that this pin entered at and the end
   * that the window had then, or later up to the read bytes. False: the writer has passed it, and only `enterOldest`
   * leads back.
   */
  enter(position: number): boolean {
    this.#lap = lapFrom(this.#lap, position)
    this.#memory.store(this.#pin, position)
    const start = this.#memory.load(this.#window + WINDOW_START)
    const lap = this.#memory.load(this.#window + WINDOW_LAP)
    if (((lap - this.#lap) | 0) <= 0 && ((start - position) | 0) <= 0) return true
    this.leave()
    return false
  }

  /** Ends a read. */
  leave(): void {
    this.#memory.store(this.#pin, PIN_IDLE)
  }
}
