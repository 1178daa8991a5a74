/**
 * Shared memory as this package sees it: words, bytes, doubles, and the few operations that order them between threads.
 *
 * Any thread; each thread attaches to the same memory by its `handle`. All other files of this package go through a
 * `Memory` and never through `Atomics`, so that another can replace it: JavaScript's Atomics (here), WebAssembly's
 * atomic instructions (wasm-memory.ts), or the simulated memory of the proof, which stops a thread at each access.
 *
 * Atomic accesses: every word by which one thread tells another that plain bytes are ready (tail, head, end, gate,
 * bell). An atomic load that reads an atomic store makes all plain writes before the store visible after the load.
 * Atomic accesses are of aligned 32-bit words only.
 */
import { WaitBounds } from './wait-bounds.ts'
import { allocateWasm, type SharedWasmMemory, wasmOperations } from './wasm-memory.ts'

/** Handle by which another thread attaches: send it as `workerData` or in a message. */
export type MemoryHandle = SharedArrayBuffer | SharedWasmMemory

/** Implementation of the atomic accesses: `wasm` is faster, `js` is everywhere. */
export type MemoryKind = 'wasm' | 'js'

/**
 * The operations that differ between the kinds. Addresses are byte offsets, those of words multiples of 4.
 *
 * Function-valued properties and not methods: while a thread has one memory, each call site calls one function, which
 * the optimizing compiler inlines, also when it is WebAssembly's.
 */
export interface MemoryOperations {
  /** Reads a word atomically. */
  readonly load: (address: number) => number
  /** Writes a word atomically. */
  readonly store: (address: number, value: number) => void
  /** Copies bytes inside the memory, plainly; the ranges may overlap. */
  readonly copy: (target: number, source: number, bytes: number) => void
}

export class Memory implements MemoryOperations {
  readonly handle: MemoryHandle
  readonly kind: MemoryKind
  readonly buffer: SharedArrayBuffer
  readonly i32: Int32Array
  readonly f64: Float64Array
  readonly u8: Uint8Array
  /** For numbers that begin at any byte. */
  readonly view: DataView
  /** The same bytes with Buffer's native string methods. */
  readonly bytes: Buffer
  readonly load: (address: number) => number
  readonly store: (address: number, value: number) => void
  readonly copy: (target: number, source: number, bytes: number) => void
  readonly #waits = new WaitBounds(address => this.notify(address))

  /** Attaches this thread to a memory. */
  constructor(handle: MemoryHandle) {
    this.handle = handle
    this.kind = handle instanceof SharedArrayBuffer ? 'js' : 'wasm'
    this.buffer = handle instanceof SharedArrayBuffer ? handle : handle.buffer
    this.i32 = new Int32Array(this.buffer)
    this.f64 = new Float64Array(this.buffer)
    this.u8 = new Uint8Array(this.buffer)
    this.view = new DataView(this.buffer)
    this.bytes = Buffer.from(this.buffer)
    const operations = handle instanceof SharedArrayBuffer ? jsOperations(this.i32, this.u8) : wasmOperations(handle)
    this.load = operations.load
    this.store = operations.store
    this.copy = operations.copy
  }

  /**
   * Reserves at least `bytes` of zeroed shared memory; pages are taken from the system when first touched.
   *
   * `kind` is a wish: where WebAssembly cannot be had, the memory is JavaScript's.
   *
   * @throws RangeError when the system does not give that much
   */
  static allocate(bytes: number, kind: MemoryKind = 'wasm'): Memory {
    const wasm = kind === 'wasm' ? allocateWasm(bytes) : null
    return new Memory(wasm ?? new SharedArrayBuffer(bytes))
  }

  /** Wakes every thread that waits on the word. */
  notify(address: number): void {
    Atomics.notify(this.i32, address >> 2)
  }

  /** Blocks this thread while the word holds `value`, at most `timeoutMs`. Never on the main thread. */
  wait(address: number, value: number, timeoutMs: number): void {
    Atomics.wait(this.i32, address >> 2, value, timeoutMs)
  }

  /**
   * A promise for the word's next notification, or for the end of `timeoutMs`; `null` when it does not hold `value` (any more). What it
   * resolves to says nothing.
   */
  waitAsync(address: number, value: number, timeoutMs: number): Promise<unknown> | null {
    const result = Atomics.waitAsync(this.i32, address >> 2, value)
    if (!result.async) return null
    this.#waits.begin(address, timeoutMs)
    return result.value
  }
}

function jsOperations(i32: Int32Array, u8: Uint8Array): MemoryOperations {
  return {
    load: address => Atomics.load(i32, address >> 2),
    store: (address, value) => {
      Atomics.store(i32, address >> 2, value)
    },
    copy: (target, source, bytes) => {
      u8.copyWithin(target, source, source + bytes)
    },
  }
}
