/** What handlers did with requests, by their numbers, in memory that all threads share. */

const BEGUN = 0
const HEARD = 1
const UNHEARD = 2
const WORDS = 3

export class Deeds {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  /** When each was begun last, in `performance.now`. */
  readonly #times: Float64Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    const count = buffer.byteLength / (8 + 4 * WORDS)
    this.#times = new Float64Array(buffer, 0, count)
    this.#words = new Int32Array(buffer, 8 * count, count * WORDS)
  }

  static of(count: number): Deeds {
    return new Deeds(new SharedArrayBuffer(count * (8 + 4 * WORDS)))
  }

  begins(number: number, nowMs: number): void {
    this.#times[number] = nowMs
    Atomics.add(this.#words, number * WORDS + BEGUN, 1)
  }

  /** A slow one ends; whether it heard its signal. */
  ends(number: number, heard: boolean): void {
    Atomics.add(this.#words, number * WORDS + (heard ? HEARD : UNHEARD), 1)
  }

  of(number: number): {
    readonly begun: number
    readonly beganMs: number
    readonly heard: number
    readonly unheard: number
  } {
    const word = (which: number): number => Atomics.load(this.#words, number * WORDS + which)
    return { begun: word(BEGUN), beganMs: this.#times[number] as number, heard: word(HEARD), unheard: word(UNHEARD) }
  }
}
