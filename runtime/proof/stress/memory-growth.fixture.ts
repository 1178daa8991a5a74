/**
 * By how much the memory of this process grows: in MB a minute, or by what factor in the second half of a run.
 *
 * In less than a minute the growth of a whole process says nothing: a short dose judges what is left on this thread's heap, and in its buffers,
 * after a collection, by ten times as much.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const SLOPE_MB_PER_MINUTE_MAX = 1
const SHORT_SECONDS = 60
const SHORT_SLOPE_MB_PER_MINUTE_MAX = 10
/** The first part of the watch is not judged: freed memory of the filling goes back to the system in it. */
const SETTLE_SHARE = 0.25

interface Sample {
  readonly minutes: number
  readonly megabytes: number
}

/** Least squares. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (pick: (sample: Sample) => number): number =>
    samples.reduce((sum, each) => sum + pick(each), 0) / samples.length
  const minutes = mean(sample => sample.minutes)
  const megabytes = mean(sample => sample.megabytes)
  const over = samples.reduce((sum, each) => sum + (each.minutes - minutes) * (each.megabytes - megabytes), 0)
  return over / samples.reduce((sum, each) => sum + (each.minutes - minutes) ** 2, 0)
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

export interface Growth {
  readonly text: string
  /** In MB a minute. */
  readonly slope: number
  readonly isFlat: boolean
}

export class MemoryWatch {
  readonly #isShort: boolean
  readonly #collect = collector()
  readonly #since = performance.now()
  readonly #samples: Sample[] = []

  constructor(seconds: number) {
    this.#isShort = seconds < SHORT_SECONDS
  }

  look(): void {
    this.#samples.push({ minutes: (performance.now() - this.#since) / 60_000, megabytes: this.#bytes() / 2 ** 20 })
  }

  #bytes(): number {
    if (!this.#isShort) return process.memoryUsage.rss()
    this.#collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }

  /** The last tenth beside the tenth that follows the first half, in which the heaps of many threads grow to what V8 lets them have. */
  factor(): { readonly text: string; readonly times: number } {
    const { length } = this.#samples
    const tenth = Math.max(1, Math.floor(length / 10))
    const mean = (from: number): number =>
      this.#samples.slice(from, from + tenth).reduce((sum, { megabytes }) => sum + megabytes, 0) / tenth
    const [half, end] = [mean(length >> 1), mean(length - tenth)]
    return { text: `${half.toFixed(0)} MB after half of the time, ${end.toFixed(0)} MB at the end`, times: end / half }
  }

  growth(): Growth {
    const judged = this.#samples.slice(Math.floor(this.#samples.length * SETTLE_SHARE))
    const slope = slopeOf(judged)
    const range = judged.map(sample => sample.megabytes)
    const text = `${slope.toFixed(2)} MB/min over ${judged.length} samples, ${Math.min(...range).toFixed(0)}-${Math.max(...range).toFixed(0)} MB`
    return { text, slope, isFlat: slope < (this.#isShort ? SHORT_SLOPE_MB_PER_MINUTE_MAX : SLOPE_MB_PER_MINUTE_MAX) }
  }
}
