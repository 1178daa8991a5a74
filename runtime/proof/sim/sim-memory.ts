/**
 * Shared memory as simulated threads see it: waits are events, and every atomic access is a place to stop at.
 *
 * One `SharedBytes` per seed, one `simMemory` per view that a thread takes of it.
 */
import { Arena, Memory } from 'sharedarraybuffer-ring'
import { EVENT, type Event, type Restorable, type Scheduler, type SimThread } from './scheduler.ts'

interface Waiter {
  readonly thread: SimThread
  readonly resolve: (how: string) => void
  timeout: Event | null
}

/** Waits longer than this are for ever: only a test's fault point waits so. */
const FOR_EVER_MS = 1_000

/** Bytes that are compared in one go: comparing two copies of a memory word by word would be a fifth of all that a simulation costs. */
const BLOCK_BYTES = 8_192

/** Where the arena of the simulation under way ends, as far as it was handed out. */
let handedOut = 0
/** The same of all simulations so far: what a thread writes behind the end of its process may be anywhere. */
let everHandedOut = 0

/** Looks on when memory is handed out; once per process. */
export function watchArena(): void {
  const { allocate } = Arena.prototype
  Arena.prototype.allocate = function (this: Arena, bytes: number): number {
    const address = allocate.call(this, bytes)
    handedOut = Math.max(handedOut, address + bytes + 128)
    everHandedOut = Math.max(everHandedOut, handedOut)
    return address
  }
}

/**
 * The memory that the simulated threads share. It is not shared with any real thread, so that it can be an ordinary
 * buffer, which is faster to copy.
 */
export class SharedBytes implements Restorable {
  readonly buffer: SharedArrayBuffer
  readonly scheduler: Scheduler
  readonly waiters: Map<number, Waiter[]> = new Map()
  readonly #bytes: Buffer
  readonly #saved: Uint8Array
  readonly #words: Int32Array
  /** The words before a step that another one overlaps with, also as bytes. */
  readonly #kept: Int32Array
  readonly #keptBytes: Uint8Array
  /** As much of each holds what was there then. */
  #savedTo = 0
  #keptTo = 0
  /** Where and what that step has written; empty: nothing is hidden. */
  #hidden: number[] = []

  constructor(buffer: ArrayBuffer, saved: Uint8Array, kept: Int32Array, scheduler: Scheduler) {
    this.buffer = buffer as unknown as SharedArrayBuffer
    this.scheduler = scheduler
    this.#bytes = Buffer.from(buffer)
    this.#saved = saved
    this.#words = new Int32Array(buffer)
    this.#kept = kept
    this.#keptBytes = new Uint8Array(kept.buffer)
    this.wipe()
  }

  /** Whoever had the memory is gone: it is new. */
  wipe(): void {
    this.#bytes.fill(0, 0, everHandedOut)
    handedOut = 0
    this.waiters.clear()
    this.#hidden = []
  }

  save(): void {
    this.reveal()
    this.#saved.set(this.#bytes.subarray(0, handedOut))
    this.#savedTo = handedOut
  }

  restore(): void {
    this.#bytes.set(this.#saved.subarray(0, this.#savedTo))
    this.#bytes.fill(0, this.#savedTo, Math.max(this.#savedTo, handedOut))
  }

  keep(): void {
    this.reveal()
    this.#keptTo = handedOut >> 2
    this.#kept.set(this.#words.subarray(0, this.#keptTo))
  }

  hide(): void {
    const kept = this.#kept
    // What was handed out since was zero: here lies what another simulation has kept.
    kept.fill(0, this.#keptTo, Math.max(this.#keptTo, handedOut >> 2))
    const keptBytes = this.#keptBytes
    for (let block = 0; block < handedOut; block += BLOCK_BYTES) {
      const end = Math.min(block + BLOCK_BYTES, handedOut)
      if (this.#bytes.compare(keptBytes, block, end, block, end) !== 0) this.#hideWords(block >> 2, end >> 2)
    }
  }

  #hideWords(from: number, end: number): void {
    const words = this.#words
    const kept = this.#kept
    for (let at = from; at < end; at++) {
      const word = words[at] as number
      if (word === kept[at]) continue
      this.#hidden.push(at, word)
      words[at] = kept[at] as number
    }
  }

  get hides(): boolean {
    return this.#hidden.length > 0
  }

  reveal(): void {
    const hidden = this.#hidden
    if (hidden.length === 0) return
    for (let index = 0; index < hidden.length; index += 2)
      this.#words[hidden[index] as number] = hidden[index + 1] as number
    this.#hidden = []
  }
}

/** One thread's view of the memory. */
export function simMemory(shared: SharedBytes): Memory {
  const { buffer, scheduler, waiters } = shared
  const i32 = new Int32Array(buffer)
  const u8 = new Uint8Array(buffer)
  const memory = {
    handle: buffer,
    kind: 'js' as const,
    buffer,
    i32,
    u8,
    f64: new Float64Array(buffer),
    bytes: Buffer.from(buffer),

    load(address: number): number {
      scheduler.check()
      return i32[address >> 2] as number
    },

    store(address: number, value: number): void {
      scheduler.check()
      shared.reveal()
      i32[address >> 2] = value
    },

    copy(target: number, source: number, bytes: number): void {
      scheduler.check()
      shared.reveal()
      u8.copyWithin(target, source, source + bytes)
    },

    notify(address: number): void {
      scheduler.check()
      shared.reveal()
      const waiting = waiters.get(address)
      if (waiting === undefined) return
      scheduler.onRing(address)
      waiters.delete(address)
      const { chance } = scheduler
      for (const waiter of waiting) {
        if (waiter.timeout !== null) waiter.timeout.run = null
        scheduler.plan(waiter.thread, chance.next() * chance.pick([0.01, 0.05, 2]), EVENT.wake, () =>
          waiter.resolve('ok'),
        )
      }
    },

    wait(_address: number, _value: number, timeoutMs: number): void {
      scheduler.check()
      shared.reveal()
      if (timeoutMs > FOR_EVER_MS) scheduler.freeze()
      scheduler.now += timeoutMs
    },

    waitAsync(address: number, value: number, timeoutMs: number): Promise<unknown> | null {
      scheduler.check()
      shared.reveal()
      if (i32[address >> 2] !== value) return null
      const thread = scheduler.current as SimThread
      scheduler.onSleep(thread, address)
      return new Promise(resolve => {
        const waiter: Waiter = { thread, resolve, timeout: null }
        const { chance } = scheduler
        const early = chance.happens(0.02)
        waiter.timeout = scheduler.plan(
          thread,
          early ? chance.next() * 5 : timeoutMs,
          early ? EVENT.wake : EVENT.tick,
          () => {
            const others = waiters.get(address)?.filter(other => other !== waiter) ?? []
            if (others.length === 0) waiters.delete(address)
            else waiters.set(address, others)
            if (!early) scheduler.sleepIsOver()
            resolve('timed-out')
          },
        )
        const waiting = waiters.get(address)
        if (waiting === undefined) waiters.set(address, [waiter])
        else waiting.push(waiter)
      })
    },
  }
  return Object.assign(Object.create(Memory.prototype) as Memory, memory)
}
