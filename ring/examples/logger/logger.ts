/**
 * Starts the logging thread and hands out places to its callers. Main thread.
 *
 * It does not keep the process alive: at the process's exit main waits until all lines are written, for
 * `flushTimeoutMs` at most. A program that continues without logging calls `close`.
 */
import { Worker } from 'node:worker_threads'
import { Doorbell, Memory } from 'sharedarraybuffer-ring'
import { Log } from './log.ts'
import { type CallerPlace, type LogPlace, layOut } from './log-place.ts'
import type { LogWriterData } from './log-writer.ts'

export interface LoggerOptions {
  /** Path of a file that lines are appended to, or an open descriptor; default 1, standard output. */
  readonly target?: string | number
  /** Threads that log, main included; default 8. */
  readonly callers?: number
  /** Bytes of each caller's ring, a power of two; default 1 MiB. */
  readonly ringBytes?: number
  /** Longest wait at exit and in `close`; default 2,000 ms. */
  readonly flushTimeoutMs?: number
}

export class Logger {
  readonly #place: LogPlace
  readonly #memory: Memory
  readonly #worker: Worker
  readonly #exited: Promise<void>
  readonly #flushTimeoutMs: number
  #next = 0
  /** Why the logging thread ended by itself: lines are dropped from then on. */
  failure: Error | null = null

  constructor(options: LoggerOptions = {}) {
    const { target = 1, callers = 8, ringBytes = 2 ** 20, flushTimeoutMs = 2_000 } = options
    this.#place = layOut(callers, ringBytes)
    this.#memory = new Memory(this.#place.memory)
    this.#flushTimeoutMs = flushTimeoutMs
    this.#worker = new Worker(new URL('./log-writer.js', import.meta.url), {
      workerData: { place: this.#place, target } satisfies LogWriterData,
      execArgv: [],
    })
    this.#exited = new Promise(resolve => this.#worker.once('exit', () => resolve()))
    this.#worker.on('error', error => {
      this.failure = error
    })
    this.#worker.unref()
    process.once('exit', this.#flush)
  }

  /** A place for one more thread, to be sent to it; a `RangeError` when all are taken. */
  place(): CallerPlace {
    const place = this.#place.callers[this.#next]
    if (place === undefined)
      throw new RangeError(`all ${this.#next} places are taken: start the logger with more callers`)
    this.#next++
    return place
  }

  /** A log for this thread. */
  log(): Log {
    return new Log(this.place())
  }

  #ask(): void {
    this.#memory.store(this.#place.asked, 1)
    new Doorbell(this.#memory, this.#place.bell).ring()
  }

  /** At exit: no other code runs on this thread any more, so it may block. */
  readonly #flush = (): void => {
    this.#ask()
    if (this.failure === null) this.#memory.wait(this.#place.ended, 0, this.#flushTimeoutMs)
  }

  /** Writes what was handed over so far, and ends the thread; whether all was written in time. */
  async close(): Promise<boolean> {
    process.removeListener('exit', this.#flush)
    this.#ask()
    const late = new Promise(resolve => setTimeout(resolve, this.#flushTimeoutMs).unref())
    this.#worker.ref()
    await Promise.race([this.#exited, late])
    const written = this.#memory.load(this.#place.ended) === 1
    await this.#worker.terminate()
    return written
  }
}
