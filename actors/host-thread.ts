/**
 * A thread of a host before it has anything to do, and the one that is kept ready.
 *
 * Runs on the thread that owns the hosts. A thread is a Piscina pool of exactly one; the boot module is behind its `filename`,
 * and loads the behaviour's module (never a user's) at once, so that a thread that was started ahead of time has only
 * its task to wait for: starting one takes 110 ms of processor time, and taking one over a few.
 * Bound: a `SpareThread` keeps one thread at most, and for a limited time.
 */

import { fileURLToPath } from 'node:url'
import type { ResourceLimits, Worker } from 'node:worker_threads'
import { createPool, type Pool } from './pool.ts'
import { clearTimeout, setTimeout } from './world.ts'

/** How a host's threads are made. */
export interface ThreadOptions {
  /** URL of the module that exports `behave`. */
  readonly behaviour: string | URL
  /** Node flags of the thread; inherited when absent. `[]` starts fastest; user code may need its loader flags. */
  readonly execArgv?: readonly string[]
  /** Heap limits; they do not count Buffers and shared memory. */
  readonly resourceLimits?: ResourceLimits
}

/** A thread that runs nothing yet. */
export interface BootedThread {
  readonly pool: Pool
  readonly worker: Worker
}

export const BOOT_FILE: string = fileURLToPath(new URL('./boot-door.cjs', import.meta.url))

/** Starts a thread. */
export function bootThread(options: ThreadOptions): BootedThread {
  const pool = createPool({
    filename: BOOT_FILE,
    workerData: { behaviour: String(options.behaviour) },
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    atomics: 'disabled',
    recordTiming: false,
    ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
    ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
  })
  // Mandatory: Piscina re-emits the death of an idle thread, and an 'error' event without a listener is a throw.
  pool.on('error', () => {})
  const worker: Worker | undefined = pool.threads[0]
  if (worker === undefined) throw new Error('broken invariant: a Piscina pool with minThreads 1 has no thread')
  return { pool, worker }
}

/** One thread kept ready for hosts whose threads are made alike, so that a death costs them no start. */
export class SpareThread {
  readonly #options: ThreadOptions
  #kept: BootedThread | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false
  /** The ends of the threads that were given up. */
  readonly #ending = new Set<Promise<void>>()

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /** Has a thread ready for the next `forMs`, unless it is taken; started now if there is none. */
  keep(forMs: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#giveUp(), forMs)
    this.#timer.unref()
    if (this.#kept !== undefined) return
    const booted = bootThread(this.#options)
    const lost = (): void => {
      if (this.#kept !== booted) return
      this.#kept = undefined
      // Piscina would start another in its place.
      void booted.pool.destroy()
    }
    booted.worker.prependListener('error', lost)
    booted.worker.prependOnceListener('exit', lost)
    this.#kept = booted
  }

  get isReady(): boolean {
    return this.#kept !== undefined
  }

  /** The thread kept, which is the caller's from now on; undefined when there is none. */
  take(): BootedThread | undefined {
    const booted = this.#kept
    this.#kept = undefined
    return booted
  }

  #giveUp(): void {
    const booted = this.take()
    if (booted === undefined) return
    const ended = new Promise<void>(resolve => booted.worker.once('exit', () => resolve()))
    this.#ending.add(ended)
    void ended.then(() => this.#ending.delete(ended))
    void booted.pool.destroy()
  }

  /** Ends the thread kept, and keeps none any more; resolves when it has exited. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#giveUp()
    await Promise.all(this.#ending)
  }
}
