/**
 * When messages of a queue expire: at their time to live.
 *
 * The partition host's thread. Pure. No message is handed out from its time on. It comes out of the wheel at the first whole
 * millisecond that is not before that; what becomes of it is decided elsewhere (expiring.ts).
 *
 * Bound: 16 bytes for each message with a time to live (time-wheel.ts), and as many more for settled ones; nothing in a queue
 * without any.
 */
import { TimeWheel } from '../base/time-wheel.ts'
import type { QueueLog } from './queue-words.ts'

export class Expiry {
  readonly #log: QueueLog
  #wheel: TimeWheel | null = null
  /** Up to when the wheel has been emptied. */
  #passedMs = 0
  /** Whether any message that is not settled may expire. */
  any: boolean

  constructor(log: QueueLog, any: boolean) {
    this.#log = log
    this.any = any
  }

  /** Whether a message may not be handed out any more. */
  isOver(offset: number, nowMs: number): boolean {
    return this.any && this.#log.expiresMsOf(offset) <= nowMs
  }

  /** `expiresMs`: 0 or Infinity: never. */
  add(offset: number, expiresMs: number): void {
    if (expiresMs === 0 || expiresMs === Number.POSITIVE_INFINITY) return
    this.any = true
    this.#wheel ??= new TimeWheel()
    this.#wheel.add(offset, expiresMs)
  }

  /** A message is not out any more, or has fallen due: if its time came meanwhile, it comes again. */
  cameBack(offset: number): void {
    if (!this.any) return
    const expiresMs = this.#log.expiresMsOf(offset)
    if (expiresMs <= this.#passedMs) this.add(offset, expiresMs)
  }

  /** Notes those whose time has come; how many. Some may be out, or settled. */
  due(nowMs: number, offsets: Float64Array): number {
    const wheel = this.#wheel
    if (wheel === null || wheel.dueMs > nowMs) return 0
    this.#passedMs = nowMs
    return wheel.take(nowMs, offsets)
  }

  /** When the next one expires, or earlier; Infinity: none does. */
  get dueMs(): number {
    return this.#wheel?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Drops entries of settled messages, some at a time; `messages`: those that are not settled. */
  tend(messages: number, isLive: (offset: number) => boolean): void {
    if (messages === 0) {
      this.#wheel?.clear()
      this.any = false
    } else this.#wheel?.tend(messages, isLive)
  }
}
