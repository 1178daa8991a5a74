/**
 * When messages of a queue expire: at their time to live.
 *
 * The partition host's thread. Pure. No message is handed out from its time on. It comes out of the wheel at the first whole
 * millisecond that is not before that; what becomes of it is decided elsewhere (expiring.ts).
 *
 * Bound: 16 bytes for each message with a time to live (time-wheel.ts), and as many more for settled ones; nothing in a queue
 * without any. A message whose time was updated has an entry of a map until it is settled; the wheel keeps the entry of each earlier time
 * until that comes, or until it is dropped.
 */
import { TimeWheel } from '../base/time-wheel.ts'
import type { QueueLog } from './queue-words.ts'

export class Expiry {
  readonly #log: QueueLog
  #wheel: TimeWheel | null = null
  /** Up to when the wheel has been emptied. */
  #passedMs = 0
  /** When those expire whose time was updated, as a whole millisecond or Infinity: any other time in the wheel is not theirs any more. */
  readonly #updated = new Map<number, number>()
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

  /** `expiresMs`: 0 or Infinity: never. When it comes out of the wheel. */
  add(offset: number, expiresMs: number): number {
    if (expiresMs === 0 || expiresMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
    this.any = true
    this.#wheel ??= new TimeWheel()
    return this.#wheel.add(offset, expiresMs)
  }

  /** A message that waits expires then, and not when it was to expire before. */
  update(offset: number, expiresMs: number): void {
    this.#updated.set(offset, this.add(offset, expiresMs))
  }

  /** It is settled. */
  left(offset: number): void {
    if (this.#updated.size > 0) this.#updated.delete(offset)
  }

  /** The same of those from `from` to below `to`. */
  leftRange(from: number, to: number): void {
    if (this.#updated.size > 0) for (let offset = from; offset < to; offset++) this.#updated.delete(offset)
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
    return wheel.take(nowMs, offsets, this.#updated.size === 0 ? null : this.#isTimeOf)
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
    } else this.#wheel?.tend(messages, (offset, timeMs) => isLive(offset) && this.#isTimeOf(offset, timeMs))
  }

  readonly #isTimeOf = (offset: number, timeMs: number): boolean => {
    const updatedMs = this.#updated.get(offset) ?? timeMs
    // One that came back after its time has an entry of that moment.
    return updatedMs === timeMs || updatedMs <= this.#passedMs
  }
}
