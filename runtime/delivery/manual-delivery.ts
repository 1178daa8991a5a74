/** A delivery that its consumer settles: each of the four acts once, whichever comes first. The consumer's thread. */
import { failureOf, MillraceError } from '../errors.ts'
import type { ManualDelivery } from '../types.ts'
import { type FetchedFrame, RecordDelivery } from './delivery.ts'

/** Who is told how a delivery ended. */
export interface Settler {
  acked(delivery: SettleableDelivery): void
  failed(delivery: SettleableDelivery, how: 'failed' | 'rejected' | 'decode', error: unknown): void
  released(delivery: SettleableDelivery): void
  /** As released; but nobody has seen it, so that it is no hand-out. */
  withdrawn(delivery: SettleableDelivery): void
}

export class SettleableDelivery<V = unknown> extends RecordDelivery<V> implements ManualDelivery<V> {
  readonly #settler: Settler
  #settled = false
  /** Whether its consumer nacked or released it. */
  comesAgain = false
  /** Why its value could not be decoded, once that was tried. */
  undecodable: unknown = null

  constructor(
    settler: Settler,
    frame: FetchedFrame,
    at: number,
    offset: number,
    deliveryAttempt: number,
    failedAttempts: number,
  ) {
    super(frame, at, offset, deliveryAttempt, failedAttempts)
    this.#settler = settler
  }

  override get value(): V {
    try {
      return super.value
    } catch (error) {
      this.undecodable = error
      throw error
    }
  }

  get settled(): boolean {
    return this.#settled
  }

  #once(): void {
    if (this.#settled) {
      throw new MillraceError(
        'MILL_SETTLED',
        `the delivery at ${this.topic}/${this.partition}, offset ${this.offset}, is settled already; settle each delivery once`,
      )
    }
    this.#settled = true
  }

  /** Its reader has lost the partition: it cannot be settled any more. */
  expire(): void {
    this.#settled = true
  }

  ack(): void {
    this.#once()
    this.#settler.acked(this)
  }

  nack(error: unknown = new Error('nack')): void {
    this.#once()
    this.comesAgain = true
    this.#settler.failed(this, failureOf(error), error)
  }

  reject(reason: unknown = new Error('rejected')): void {
    this.#once()
    this.#settler.failed(this, 'rejected', typeof reason === 'string' ? new Error(reason) : reason)
  }

  release(): void {
    this.#once()
    this.comesAgain = true
    this.#settler.released(this)
  }

  /** Hands it back before its consumer has seen it. */
  withdraw(): void {
    this.#once()
    this.#settler.withdrawn(this)
  }
}
