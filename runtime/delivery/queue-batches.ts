/**
 * Which messages of a queue go together in one call of a batch handler, and when.
 *
 * The handling thread; one per consumer. One that failed before goes alone, as does a suspect; parts of a batch that failed stay apart
 * from others. A batch waits to be filled for as long as its shape says, but not for what cannot come.
 */
import { nowMs } from '../../actors/world.ts'
import type { QueueReader } from '../reader/queue-reader.ts'
import type { BatchShape } from '../wire/member-calls.ts'
import { BatchFill } from './batch-fill.ts'
import { HoldTimer } from './hold-timer.ts'
import { QueueSettleable, type QueueSettler } from './queue-settleable.ts'

export class QueueBatches {
  readonly #reader: QueueReader
  readonly #settler: QueueSettler
  readonly #shape: BatchShape
  readonly #fill: BatchFill
  readonly #timer = new HoldTimer()
  /** Called when a batch has waited long enough. */
  readonly #wake: () => void

  constructor(reader: QueueReader, settler: QueueSettler, shape: BatchShape, wake: () => void) {
    this.#reader = reader
    this.#settler = settler
    this.#shape = shape
    this.#fill = new BatchFill(shape)
    this.#wake = wake
  }

  /** Whether the thread is to be woken for what waits. */
  wakes(): boolean {
    return this.#reader.waiting > 0 && this.#fill.wakes(this, nowMs())
  }

  /** Begins the messages for one call, once there are some that may go. */
  pick(): QueueSettleable[] {
    const reader = this.#reader
    const now = nowMs()
    if (reader.waiting === 0) return []
    if (!this.#fill.isDue(this, now)) {
      this.#timer.start(Math.ceil(this.#fill.waits(now)), this.#wake)
      return []
    }
    this.clear()
    if (!reader.next()) return []
    const { message } = reader
    const { cohort } = message
    const batch = [new QueueSettleable(this.#settler, message, true)]
    if (message.goesAlone) return batch
    while (batch.length < this.#shape.maxRecords) {
      if (!reader.peek() || message.goesAlone || message.cohort !== cohort) break
      reader.pass()
      if (reader.beginThis()) batch.push(new QueueSettleable(this.#settler, message, true))
    }
    return batch
  }

  /** Whether a batch of `max` would be full, or is not to be filled: then it need not wait for more. */
  batchIsReady(max: number): boolean {
    const reader = this.#reader
    if (!reader.peek()) return false
    const { goesAlone, cohort } = reader.message
    if (goesAlone || cohort !== 0 || reader.waiting >= max) return true
    return reader.waiting + reader.begun >= reader.prefetch
  }

  /** No batch waits to be filled. */
  clear(): void {
    this.#fill.goes()
    this.#timer.clear()
  }
}
