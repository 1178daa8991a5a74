/**
 * Shared memory as simulated threads see it: waits are events, and every atomic access is a place to stop at.
 *
 * One `SharedBytes` per seed, one `SimMemory` per view that a thread takes of it.
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

/** Where the arena of the simulation under way ends, as far as it was handed out. */
let handedOut = 0

/** Looks on when memory is handed out; once per process. */
export function watchArena(): void {
  const { allocate } = Arena.prototype
  Arena.prototype.allocate = function (this: Arena, bytes: number): number {
    const address = allocate.call(this, bytes)
    handedOut = Math.max(handedOut, address + bytes + 128)
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
  readonly #bytes: Uint8Array
  readonly #saved: Uint8Array

  constructor(buffer: ArrayBuffer, saved: Uint8Array, scheduler: Scheduler) {
    this.buffer = buffer as unknown as SharedArrayBuffer
    this.scheduler = scheduler
    this.#bytes = new Uint8Array(buffer)
    this.#saved = saved
    this.#bytes.fill(0, 0, handedOut)
    handedOut = 0
  }

  save(): void {
    this.#saved.set(this.#bytes.subarray(0, handedOut))
  }

  restore(): void {
    this.#bytes.set(this.#saved.subarray(0, handedOut))
  }

  wake(waiter: Waiter, delayMs: number, kind: number, how: string): Event {
    return this.scheduler.plan(waiter.thread, delayMs, kind, () => waiter.resolve(how))
  }
}

export class SimMemory extends Memory {
  readonly #shared: SharedBytes
  readonly #scheduler: Scheduler

  constructor(shared: SharedBytes) {
    super(shared.buffer)
    this.#shared = shared
    this.#scheduler = shared.scheduler
  }

  override load(address: number): number {
    this.#scheduler.check()
    return this.i32[address >> 2] as number
  }

  override store(address: number, value: number): void {
    this.#scheduler.check()
    this.i32[address >> 2] = value
  }

  override notify(address: number): void {
    this.#scheduler.check()
    const waiters = this.#shared.waiters.get(address)
    if (waiters === undefined) return
    this.#shared.waiters.delete(address)
    const { chance } = this.#scheduler
    for (const waiter of waiters) {
      if (waiter.timeout !== null) waiter.timeout.run = null
      this.#shared.wake(waiter, chance.next() * chance.pick([0.01, 0.05, 2]), EVENT.wake, 'ok')
    }
  }

  override wait(_address: number, _value: number, timeoutMs: number): void {
    const scheduler = this.#scheduler
    scheduler.check()
    if (timeoutMs > FOR_EVER_MS) scheduler.freeze()
    scheduler.now += timeoutMs
  }

  override waitAsync(address: number, value: number, timeoutMs: number): Promise<unknown> | null {
    const scheduler = this.#scheduler
    scheduler.check()
    if (this.i32[address >> 2] !== value) return null
    const thread = scheduler.current as SimThread
    return new Promise(resolve => {
      const waiter: Waiter = { thread, resolve, timeout: null }
      const { chance } = scheduler
      const early = chance.happens(0.02)
      waiter.timeout = scheduler.plan(
        thread,
        early ? chance.next() * 5 : timeoutMs,
        early ? EVENT.wake : EVENT.tick,
        () => {
          const others = this.#shared.waiters.get(address)?.filter(other => other !== waiter) ?? []
          if (others.length === 0) this.#shared.waiters.delete(address)
          else this.#shared.waiters.set(address, others)
          resolve('timed-out')
        },
      )
      const waiters = this.#shared.waiters.get(address)
      if (waiters === undefined) this.#shared.waiters.set(address, [waiter])
      else waiters.push(waiter)
    })
  }
}
