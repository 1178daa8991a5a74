/**
 * A thread that does nothing but look at the clock: when it stood still, the machine was busy, and nobody is to blame.
 *
 * ```
 * 0 f64 number of gaps   then per gap   0 f64 until when   8 f64 how long, in ms
 * ```
 */
import { Worker } from 'node:worker_threads'
import { clockMs } from './ledger.fixture.ts'

const GAPS_MAX = 200_000

/** Its thread's program: waits for a millisecond, and writes down every wait that took twice as long. */
const PROGRAM = `
const { workerData } = require('node:worker_threads')
const gaps = new Float64Array(workerData)
const never = new Int32Array(new SharedArrayBuffer(4))
const now = () => { const [s, n] = process.hrtime(); return s * 1000 + n / 1e6 }
for (let last = now(); ; ) {
  Atomics.wait(never, 0, 0, 1)
  const at = now()
  if (at - last > 2 && gaps[0] < ${GAPS_MAX}) {
    gaps[1 + gaps[0] * 2] = at
    gaps[2 + gaps[0] * 2] = at - last - 1
    gaps[0] += 1
  }
  last = at
}`

export class Canary {
  readonly #gaps = new Float64Array(new SharedArrayBuffer(8 * (1 + 2 * GAPS_MAX)))
  readonly #worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: this.#gaps.buffer })

  /** How long it stood still at most, in one go, between two times of `clockMs`. */
  gapMs(from: number, to: number = clockMs()): number {
    let longest = 0
    for (let index = (this.#gaps[0] as number) - 1; index >= 0; index--) {
      const until = this.#gaps[1 + index * 2] as number
      if (until < from) break
      const long = this.#gaps[2 + index * 2] as number
      if (until - long <= to) longest = Math.max(longest, long)
    }
    return longest
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}
