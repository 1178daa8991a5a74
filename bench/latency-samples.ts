/**
 * The times that messages took from the call that sent them to their handler, in memory that all threads share.
 *
 * Any thread. The clock is the process's monotonic one, the same on all threads. A handler adds one sample per message.
 *
 *   Int32 0   number of samples     Float64 1 ..   samples, in us
 */
const headerBytes = 8
/** Samples kept of a run, at most; a run has fewer. */
const samplesMax = 1_000_000

export class LatencySamples {
  readonly buffer: SharedArrayBuffer
  readonly #count: Int32Array
  readonly #samples: Float64Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#count = new Int32Array(buffer, 0, 1)
    this.#samples = new Float64Array(buffer, headerBytes)
  }

  static create(): LatencySamples {
    return new LatencySamples(new SharedArrayBuffer(headerBytes + samplesMax * Float64Array.BYTES_PER_ELEMENT))
  }

  /** Those beyond the given room are counted and not kept. */
  add(us: number): void {
    this.#samples[Atomics.add(this.#count, 0, 1)] = us
  }

  get count(): number {
    return Atomics.load(this.#count, 0)
  }

  /** Takes all samples out. */
  take(): Float64Array {
    const count = Atomics.exchange(this.#count, 0, 0)
    return this.#samples.slice(0, count)
  }
}

/** A copy of the value that begins with the time of now. */
export function stamped(value: Uint8Array): Uint8Array {
  const copy = value.slice()
  new DataView(copy.buffer).setFloat64(0, monotonicUs())
  return copy
}

/** How long ago a value was stamped, in us. */
export function sinceStamp(bytes: Uint8Array, at = 0): number {
  return monotonicUs() - new DataView(bytes.buffer, bytes.byteOffset + at).getFloat64(0)
}

/** In us; whole numbers of ns are exact in a double for months. */
export function monotonicUs(): number {
  const [seconds, ns] = process.hrtime()
  return seconds * 1e6 + ns / 1e3
}
