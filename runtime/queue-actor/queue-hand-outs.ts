/**
 * Hands out what the core of a queue says, and tells the core how much each consumer may have.
 *
 * The partition host's thread. What was handed out is visible after `publish`. Bounds: HAND_OUTS in a step; what is out is bounded by the
 * prefetch of the consumers.
 */
import { nowMs } from '../../actors/world.ts'
import type { HandOutRun } from '../queue/queue-words.ts'
import { RUN_MAX } from '../queue/runs.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { Offset } from '../words/quantities.ts'
import { cancelMessage } from './queue-cancels.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { QueueParts } from './queue-parts.ts'

const HAND_OUTS = 1_024
/** What is out is in the window, which bounds it: a consumer is to have as many large messages as it handles at once. */
export const BYTES_MAX: number = Number.POSITIVE_INFINITY

export class QueueHandOuts {
  readonly #parts: QueueParts
  /** By their number in the core. */
  readonly #numbers: (QueueConsumer | undefined)[] = []
  /** What the core was told that each may have, by the same. */
  readonly #allowed: number[] = []
  /** Whether each had all that it wants, and has not come down to its low water, by the same. */
  readonly #isFull: boolean[] = []
  /** Consumers that have a message behind one of a lower priority, with its tag; the first one behind which it is not. */
  readonly #overtaken = new Map<QueueConsumer, number>()
  /** Priority of what each was handed last, by number. */
  readonly #priorities: number[] = []
  /** Was handed something that is not visible yet. */
  readonly #served = new Set<QueueConsumer>()

  constructor(parts: QueueParts) {
    this.#parts = parts
  }

  /** A number that no consumer has. */
  get freeNumber(): number {
    let number = 0
    while (this.#numbers[number] !== undefined) number++
    return number
  }

  add(consumer: QueueConsumer): void {
    const { number } = consumer
    this.#numbers[number] = consumer
    this.#allowed[number] = 0
    this.#isFull[number] = false
    this.#priorities[number] = 0
  }

  remove(consumer: QueueConsumer): void {
    this.#numbers[consumer.number] = undefined
    this.#served.delete(consumer)
    this.#overtaken.delete(consumer)
  }

  /** Who has a message behind others of a lower priority, and has not begun it; null: nobody. */
  overtaken(): QueueConsumer | null {
    for (const [consumer, tag] of this.#overtaken) {
      if (consumer.isWaiting(tag)) return consumer
      this.#overtaken.delete(consumer)
    }
    return null
  }

  /** It is served again before it has come to its low water. */
  serve({ number }: QueueConsumer): void {
    this.#isFull[number] = false
  }

  readonly #bytesFor = (number: number): number => (this.#numbers[number] as QueueConsumer).runBytes

  /** Whether anything was handed out; `past`: who gets nothing. */
  handOut(past: QueueConsumer | null = null): boolean {
    const { core, consumers } = this.#parts
    for (const consumer of consumers.values()) {
      if (consumer.send()) this.#served.add(consumer)
      this.#allow(consumer, past)
    }
    let worked = this.#served.size > 0
    const now = nowMs()
    for (let left = HAND_OUTS; left > 0; ) {
      const run = core.takeRun(RUN_MAX, this.#bytesFor, now)
      if (run === null) break
      left -= run.count
      worked = true
      this.#handOutWanted(run)
    }
    for (const { number, words } of this.#served)
      if (core.figures.heldBy(number) >= words.wanted) this.#isFull[number] = true
    return worked
  }

  /** Requests whose callers have gone are taken back, and cancelled. What lies behind one of them comes with the next run. */
  #handOutWanted(run: HandOutRun): void {
    const { core, requests } = this.#parts
    const { count, first, offsets, slots, tags } = run
    const wanted = requests.wanted(run)
    if (wanted === count) {
      this.#handOutRun(run)
      return
    }
    if (wanted > 0) this.#handOutRun({ ...run, count: wanted })
    for (let at = wanted; at < count; at++) core.takeBack(first.consumer, slots[at] as number, tags[at] as number)
    cancelMessage(this.#parts, offsets[wanted] as Offset)
  }

  #handOutRun(run: HandOutRun): void {
    const { core, facts } = this.#parts
    const { count, first, slots, tags } = run
    const consumer = this.#numbers[first.consumer] as QueueConsumer
    const isBehind = first.priority > (this.#priorities[consumer.number] as number)
    const sent = consumer.handOutRun(run)
    this.#priorities[consumer.number] = first.priority
    if (isBehind && sent > 0 && !this.#overtaken.has(consumer)) this.#overtaken.set(consumer, consumer.newest)
    facts.handedOut(run, sent)
    for (let at = sent; at < count; at++) core.takeBack(consumer.number, slots[at] as number, tags[at] as number)
    this.#served.add(consumer)
    if (!consumer.hasRoom) this.#allow(consumer)
  }

  /** Makes what was handed out visible. */
  publish(): void {
    this.#parts.upcalls.fault(FAULT_POINT.beforeDeliveries)
    for (const consumer of this.#served) consumer.publish()
    this.#served.clear()
  }

  /**
   * Tells the core how much a consumer may have, if that has changed: nothing while there is no room for it. One that had all that it
   * wants, and still has more than it can handle at once, is served again when it has half of that: each time costs a wake-up.
   */
  #allow(consumer: QueueConsumer, past: QueueConsumer | null = null): void {
    const { number, words } = consumer
    const { wanted } = words
    const { core } = this.#parts
    const held = core.figures.heldBy(number)
    if (held >= wanted) this.#isFull[number] = true
    else if (held <= consumer.words.lowWater) this.#isFull[number] = false
    const allowed = consumer !== past && consumer.hasRoom && this.#isFull[number] !== true ? wanted : 0
    if (this.#allowed[number] === allowed) return
    this.#allowed[number] = allowed
    core.credit(number, allowed, BYTES_MAX)
  }
}
