/**
 * Lets the publishes of one producer through as its rate allows.
 *
 * The producer's thread. What waits is not here (waiting-line.ts): this counts, and opens again when the next may go. While it is shut
 * nothing goes, or what comes would go before what waits. Bound: one timer, and only while something waits. It does not keep the
 * process alive, because what waits does.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import type { Rate } from '../words/common-options.ts'

export class RateGate {
  readonly #rate: Rate
  readonly #option: string
  readonly #bucket: TokenBucket
  readonly #opened: () => void
  #timer: NodeJS.Timeout | null = null
  /** Until when it is shut, in `nowMs`. */
  #untilMs = 0

  /** `option`: the name of the rate for its users. `opened`: more may go. */
  constructor(rate: Rate, option: string, opened: () => void) {
    this.#rate = rate
    this.#option = option
    this.#bucket = new TokenBucket(rate.max, rate.perMs)
    this.#opened = opened
  }

  /** Something waits for it. */
  get isShut(): boolean {
    return this.#timer !== null
  }

  /** How many may go now. */
  get room(): number {
    return this.#timer === null ? this.#bucket.available(nowMs()) : 0
  }

  /** So many went, as there was room. */
  took(count: number): void {
    this.#bucket.take(count, nowMs())
  }

  /** Something waits, and there is no room: nothing goes before `opened` is called. */
  shut(): void {
    if (this.#timer !== null) return
    const now = nowMs()
    const waitMs = this.#bucket.waitMs(now)
    this.#untilMs = now + waitMs
    this.#timer = setTimeout(this.#open, Math.ceil(waitMs))
    this.#timer.unref()
  }

  /** For a caller that never yields, so that no timer runs. */
  openIfDue(): void {
    if (this.#timer === null || nowMs() < this.#untilMs) return
    clearTimeout(this.#timer)
    this.#open()
  }

  readonly #open = (): void => {
    this.#timer = null
    this.#opened()
  }

  /** Time until the next may go, in whole ms. */
  get waitMs(): number {
    return Math.ceil(this.#bucket.waitMs(nowMs()))
  }

  /** The rate in words. */
  describe(topic: string): string {
    const { max, perMs } = this.#rate
    const records = max === 1 ? 'one record' : `${max} records`
    return `a producer may publish ${records} in ${perMs} ms to topic ${topic} (${this.#option})`
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
