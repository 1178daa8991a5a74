/**
 * Shared memory with WebAssembly's atomic instructions. V8 inlines them, where it calls a runtime function for
 * `Atomics`: about 5 ns an operation instead of 10 to 20, and a copy inside the memory at a fifth of the time.
 *
 * Any thread; each thread has its own instance over one shared `WebAssembly.Memory`. The module is wasm-atomics.wat,
 * assembled. WebAssembly's atomic loads and stores are sequentially consistent and may be mixed with JavaScript's
 * Atomics on the same words (waiting and waking stay there). Where there is no WebAssembly (`node --jitless`), or no
 * address space for it, memory.ts falls back to JavaScript's.
 */
import type { MemoryOperations } from './memory.ts'

/** A `WebAssembly.Memory` that is shared, as far as we need to know it; other threads may be sent it. */
export interface SharedWasmMemory {
  readonly buffer: SharedArrayBuffer
}

// The types of WebAssembly belong to the DOM, which Node's users need not have.
declare const WebAssembly:
  | {
      readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => SharedWasmMemory
      readonly Module: new (bytes: Uint8Array) => object
      readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
    }
  | undefined

const PAGE_BYTES = 65_536

const assembled =
  'AGFzbQEAAAABEQNgAX8Bf2ACf38AYAN/f38AAhMBBHJpbmcGbWVtb3J5AgMBgIAEAwQDAAECBxcDBGxvYWQAAAVzdG9yZQABBGNvcHkAAgoiAwgAIAD+' +
  'EAIACwoAIAAgAf4XAgALDAAgACABIAL8CgAACw=='

let compiled: object | null = null

/** The module's bytes, for the test that holds them against their listing. */
export function wasmBytes(): Uint8Array {
  return Buffer.from(assembled, 'base64')
}

/** Zeroed shared memory, in whole pages of 64 KiB; null when this process cannot have it. */
export function allocateWasm(bytes: number): SharedWasmMemory | null {
  if (typeof WebAssembly === 'undefined') return null
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES))
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  } catch {
    // V8 reserves several GiB of addresses around each: a process may be denied those, and yet have the bytes.
    return null
  }
}

/** This thread's operations on the memory. */
export function wasmOperations(memory: SharedWasmMemory): MemoryOperations {
  if (typeof WebAssembly === 'undefined') throw new TypeError('this thread has no WebAssembly to reach the memory with')
  compiled ??= new WebAssembly.Module(wasmBytes())
  return new WebAssembly.Instance(compiled, { ring: { memory } }).exports as MemoryOperations
}
