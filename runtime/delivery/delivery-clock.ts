/**
 * The time that one delivery at a time has been pending, as far as its thread could have seen it settle.
 *
 * The handling thread. One timer serves all deliveries: when it fires early for the one that is timed now, it is set
 * again for the rest. It looks often, so that time in which the thread stood still is seen as such, and not held against
 * the handler.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import type { RecordDelivery } from '../reader/delivery.ts'

/** The longest time between two looks. */
const LOOK_MS_MAX = 1_000

export class DeliveryClock {
  readonly #timeoutMs: number
  readonly #over: (delivery: RecordDelivery) => void
  #delivery: RecordDelivery | null = null
  #since = 0
  #lookDue = 0
  #timer: NodeJS.Timeout | null = null

  /** Calls `over` for a delivery that was timed for `timeoutMs`; Infinity: never. */
  constructor(timeoutMs: number, over: (delivery: RecordDelivery) => void) {
    this.#timeoutMs = timeoutMs
    this.#over = over
  }

  /** Times this delivery, from now on, and no other. */
  start(delivery: RecordDelivery): void {
    if (this.#timeoutMs === Number.POSITIVE_INFINITY) return
    this.#since = nowMs()
    this.#delivery = delivery
    if (this.#timer === null) this.#lookAfter(this.#timeoutMs)
  }

  /** Times nothing. */
  stop(): void {
    this.#delivery = null
  }

  /** Times nothing, and has no timer any more. */
  close(): void {
    this.stop()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #lookAfter(leftMs: number): void {
    const ms = Math.ceil(Math.min(leftMs, this.#timeoutMs / 4, LOOK_MS_MAX))
    this.#lookDue = nowMs() + ms
    this.#timer = setTimeout(this.#look, ms)
  }

  readonly #look = (): void => {
    this.#timer = null
    const delivery = this.#delivery
    if (delivery === null) return
    this.#since += Math.max(0, nowMs() - Math.max(this.#lookDue, this.#since))
    const left = this.#since + this.#timeoutMs - nowMs()
    if (left > 0) {
      this.#lookAfter(left)
      return
    }
    this.#delivery = null
    this.#over(delivery)
  }
}
