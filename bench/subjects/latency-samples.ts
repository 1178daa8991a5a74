/**
 * The times that messages took from the call that sent them to their handler, in memory that all threads share.
 *
 * Any thread. The clock is the process's monotonic one, the same on all threads. A handler adds one sample per message.
 *
 *   Int32 0   number of samples     Float64 1 ..   samples, in us
 */
const headerBytes = 8

export class LatencySamples {
  readonly buffer: SharedArrayBuffer
  readonly #count: Int32Array
  readonly #samples: Float64Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#count = new Int32Array(buffer, 0, 1)
    this.#samples = new Float64Array(buffer, headerBytes)
  }

  static of(samplesMax: number): LatencySamples {
    return new LatencySamples(new SharedArrayBuffer(headerBytes + samplesMax * Float64Array.BYTES_PER_ELEMENT))
  }

  /** Those beyond the given room are counted and not kept. */
  add(us: number): void {
    this.#samples[Atomics.add(this.#count, 0, 1)] = us
  }

  /** Takes all samples out. */
  take(): Float64Array {
    const count = Atomics.exchange(this.#count, 0, 0)
    return this.#samples.slice(0, count)
  }
}

/** In us; whole numbers of ns are exact in a double for months. */
export function monotonicUs(): number {
  const [seconds, ns] = process.hrtime()
  return seconds * 1e6 + ns / 1e3
}
