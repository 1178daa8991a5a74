/**
 * Sleeps for a millisecond again and again, and writes down when it was woken late: the machine, or what else runs on it, stood in the way.
 *
 * A worker thread beside what is measured. Bound: STALLS_MAX entries; later ones are left out.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const STALLS_MAX = 100_000
const SLEEP_MS = 1
/** What a sleep takes longer without any load. */
const USUAL_MS = 1

export interface Stall {
  readonly fromMs: number
  readonly toMs: number
}

/** The same clock on all threads. */
export function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export class StallSampler {
  readonly #words = new Float64Array(new SharedArrayBuffer(8 * (2 + 2 * STALLS_MAX)))
  readonly #worker: Worker

  constructor() {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: this.#words })
  }

  /** How long it was late within this time. */
  lateMs({ fromMs, toMs }: Stall): number {
    let sum = 0
    for (let at = 0; at < (this.#words[0] as number); at++) {
      const from = Math.max(fromMs, this.#words[1 + 2 * at] as number)
      const to = Math.min(toMs, this.#words[2 + 2 * at] as number)
      sum += Math.max(0, to - from)
    }
    return sum
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}

function sample(words: Float64Array): never {
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const dueMs = clockMs() + SLEEP_MS + USUAL_MS
    Atomics.wait(nothing, 0, 0, SLEEP_MS)
    const nowMs = clockMs()
    const count = words[0] as number
    if (nowMs <= dueMs || count === STALLS_MAX) continue
    words[1 + 2 * count] = dueMs
    words[2 + 2 * count] = nowMs
    words[0] = count + 1
  }
}

if (!isMainThread && workerData instanceof Float64Array) sample(workerData)
