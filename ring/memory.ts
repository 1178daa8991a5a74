/**
 * The one place that touches shared memory's atomics: a `SharedArrayBuffer` seen as words, bytes and doubles.
 *
 * Any thread; each thread makes its own `Memory` over the same buffer. The other files of this package call these
 * methods and never `Atomics`, so that another memory (simulated, or WebAssembly) can stand in for this one.
 *
 * Which accesses are atomic: every word by which one thread tells another that plain bytes are ready (tail, head, end,
 * bell). An atomic load that reads an atomic store makes all plain writes before the store visible after the load.
 */

export class Memory {
  readonly buffer: SharedArrayBuffer
  readonly i32: Int32Array
  readonly f64: Float64Array
  readonly u8: Uint8Array
  /** The same bytes with Buffer's native string methods. */
  readonly bytes: Buffer

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.i32 = new Int32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.u8 = new Uint8Array(buffer)
    this.bytes = Buffer.from(buffer)
  }

  /** Reserves `bytes` of zeroed shared memory; pages are taken from the system when first touched. */
  static allocate(bytes: number): Memory {
    return new Memory(new SharedArrayBuffer(bytes))
  }

  load(address: number): number {
    return Atomics.load(this.i32, address >> 2)
  }

  store(address: number, value: number): void {
    Atomics.store(this.i32, address >> 2, value)
  }

  /** Wakes every thread that waits on the word. */
  notify(address: number): void {
    Atomics.notify(this.i32, address >> 2)
  }

  /** Blocks this thread while the word holds `value`, at most `timeoutMs`. Never on the main thread. */
  wait(address: number, value: number, timeoutMs: number): void {
    Atomics.wait(this.i32, address >> 2, value, timeoutMs)
  }

  /** A promise for the word's next notification, or `null` when it does not hold `value` (any more). */
  waitAsync(address: number, value: number, timeoutMs: number): Promise<unknown> | null {
    const result = Atomics.waitAsync(this.i32, address >> 2, value, timeoutMs)
    return result.async ? result.value : null
  }
}
