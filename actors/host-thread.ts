/**
 * A thread of a host before it has anything to do, and those that are kept ready.
 *
 * Runs on the thread that owns the hosts. A thread is a Piscina pool of exactly one. The boot module is behind its
 * `filename`, and loads the behaviour's module (never a user's) at once, so that a thread that was started ahead of
 * time waits only for its task. Starting a thread takes 70 ms of processor time, and taking one over a few. Bound: `SpareThreads`
 * keep as many as they were asked for, and for a limited time.
 */

import { fileURLToPath } from 'node:url'
import type { ResourceLimits, Worker } from 'node:worker_threads'
import type { BootData, BootNotice } from './boot.ts'
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

export const BOOT_FILE: string = fileURLToPath(new URL('./boot-door.cjs', import.meta.url))

/**
 * Never called. Tools that copy a program's files (`@vercel/nft`) follow imports, but not those of a file that is known
 * by its URL, as the one above is.
 */
export const loadBoot = (): Promise<unknown> => import('./boot.ts')

/** How long a thread that loads modules is given before it is ended in the middle of that. */
const LOADING_MS_MAX = 1_000

/** A notice of the thread, or undefined for a message of user code. */
export function bootNotice(message: unknown): BootNotice | undefined {
  return typeof message === 'object' && message !== null && 'millrace' in message ? (message as BootNotice) : undefined
}

/** A thread, from its start on. */
export class HostThread {
  readonly pool: Pool
  readonly worker: Worker
  /**
   * Settles when no file is being loaded. Node 20 never closes the file of a module that a thread reads while it is
   * ended, so an end waits for that if it can.
   */
  #loaded: Promise<unknown>
  #ended = false

  /** Starts the thread. */
  constructor(options: ThreadOptions) {
    const made: BootData = { behaviour: String(options.behaviour) }
    this.pool = createPool({
      filename: BOOT_FILE,
      workerData: made,
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
    this.pool.on('error', () => {})
    const worker: Worker | undefined = this.pool.threads[0]
    if (worker === undefined) throw new Error('broken invariant: a Piscina pool with minThreads 1 has no thread')
    this.worker = worker
    this.#loaded = new Promise<void>(resolve => {
      worker.on('message', message => {
        const notice = bootNotice(message)?.millrace
        if (notice === 'loaded' || notice === 'started') resolve()
      })
    })
  }

  /** The thread reads files until `more` is settled. */
  loads(more: Promise<unknown>): void {
    const before = this.#loaded
    this.#loaded = Promise.allSettled([before, more])
  }

  /** Calls `run` when the thread has loaded what it is loading, or in a second if that takes longer. */
  whenLoaded(run: () => void): void {
    let called = false
    const once = (): void => {
      if (called) return
      called = true
      clearTimeout(timer)
      run()
    }
    const timer = setTimeout(once, LOADING_MS_MAX)
    void this.#loaded.then(once)
  }

  /** Ends the thread, and keeps Piscina from starting another in its place; once more has no effect. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    void this.pool.destroy()
  }
}

/** Threads kept ready for hosts with equal threads, so that a start or a death costs them no start of a thread. */
export class SpareThreads {
  readonly #options: ThreadOptions
  readonly #kept: HostThread[] = []
  #timer: NodeJS.Timeout | undefined
  #closed = false
  /** The ends of the threads that were given up. */
  readonly #ending = new Set<Promise<void>>()

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /** Has `count` threads ready for the next `forMs`, unless they are taken; those that are missing are started now. */
  keep(forMs: number, count = 1): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#giveUp(), forMs)
    this.#timer.unref()
    while (this.#kept.length < count) this.#kept.push(this.#start())
  }

  #start(): HostThread {
    const thread = new HostThread(this.#options)
    const lost = (): void => {
      const at = this.#kept.indexOf(thread)
      if (at !== -1) this.#kept.splice(at, 1)
      thread.end()
    }
    thread.worker.prependListener('error', lost)
    thread.worker.prependOnceListener('exit', lost)
    return thread
  }

  get isReady(): boolean {
    return this.#kept.length > 0
  }

  /** A thread that is kept, which is the caller's from now on; undefined when there is none. */
  take(): HostThread | undefined {
    return this.#kept.shift()
  }

  #giveUp(): void {
    for (let thread = this.take(); thread !== undefined; thread = this.take()) {
      const given = thread
      const ended = new Promise<void>(resolve => given.worker.once('exit', () => resolve()))
      this.#ending.add(ended)
      void ended.then(() => this.#ending.delete(ended))
      given.whenLoaded(() => given.end())
    }
  }

  /** Ends the threads kept, and keeps none any more; resolves when they have exited. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#giveUp()
    await Promise.all(this.#ending)
  }
}
