/**
 * Lets through what one producer sends, as its rate allows.
 *
 * The producer's thread. What waits is not here (waiting-line.ts): this counts, and opens again when the next may go. While it is shut
 * nothing goes, or what comes would go before what waits. Bound: one timer, and only while something waits. It does not keep the
 * process alive, because what waits does.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { TokenBucket } from '../base/token-bucket.ts'
import { type ProducedTopic, titleOf } from '../wire/produced-topic.ts'
import type { Rate } from '../words/common-options.ts'

/** The gate of a producer of this topic or queue; null: it has no rate. `opened`: more may go. */
export function gateOf(
  topic: Pick<ProducedTopic, 'name' | 'queue' | 'publishRate'>,
  opened: () => void,
): RateGate | null {
  const { publishRate: rate } = topic
  if (rate === undefined) return null
  const [verb, option] = topic.queue === undefined ? ['publish', 'publishRate'] : ['send', 'sendRate']
  const records = rate.max === 1 ? 'one record' : `${rate.max} records`
  const text = `a producer may ${verb} ${records} in ${rate.perMs} ms to ${titleOf(topic)} (${option})`
  return new RateGate(rate, text, opened)
}

export class RateGate {
  /** The rate in words: who may send how much, and which option says so. */
  readonly text: string
  readonly #bucket: TokenBucket
  readonly #opened: () => void
  #timer: NodeJS.Timeout | null = null
  /** Until when it is shut, in `nowMs`. */
  #untilMs = 0

  /** `opened`: more may go. */
  constructor(rate: Rate, text: string, opened: () => void) {
    this.text = text
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

  /** For a caller whose timers are late: it never yields, or was called before this one's. */
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

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
