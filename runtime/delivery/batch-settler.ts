/**
 * What a batch handler says of single deliveries, on its way to the lane.
 *
 * The handling thread; one for each executor of batches. A delivery that has no entry in the lane is of a batch that has none, either:
 * all of that batch are put there first (plain-batch.ts).
 */
import type { SettleHow } from '../link/link.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import type { RetryOrder } from '../words/group-options.ts'
import type { CommitLine, Entry } from './commit-line.ts'
import { SettleableDelivery, type Settler } from './manual-delivery.ts'

export class BatchSettler implements Settler {
  readonly retryOrder: RetryOrder
  readonly #line: CommitLine
  readonly #intoLane: () => void
  readonly #wake: () => void

  constructor(retryOrder: RetryOrder, line: CommitLine, intoLane: () => void, wake: () => void) {
    this.retryOrder = retryOrder
    this.#line = line
    this.#intoLane = intoLane
    this.#wake = wake
  }

  /** A delivery of a batch cannot be settled once its call is over. */
  late({ topic, partition, offset }: SettleableDelivery): MillraceError {
    return new MillraceError(
      'MILL_SETTLED',
      `the delivery at ${topic}/${partition}, offset ${offset}, cannot be settled any more: its batch is over; settle single deliveries before the batch handler returns`,
    )
  }

  #entryOf(delivery: SettleableDelivery): Entry {
    if (SettleableDelivery.entryOf(delivery) === null) this.#intoLane()
    return SettleableDelivery.entryOf(delivery) as Entry
  }

  acked(delivery: SettleableDelivery): void {
    this.#line.settle(this.#entryOf(delivery))
    this.#wake()
  }

  failed(delivery: SettleableDelivery, how: SettleHow, error: unknown): void {
    // A look at the error may run code of its own, while the record is still charged with what that does.
    const wire = toWire(error)
    this.#line.fail(this.#entryOf(delivery), how, wire)
  }

  released(delivery: SettleableDelivery): void {
    this.#line.release(this.#entryOf(delivery))
    this.#wake()
  }

  withdrawn(delivery: SettleableDelivery): void {
    this.released(delivery)
  }
}
