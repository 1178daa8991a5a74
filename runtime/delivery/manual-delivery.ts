/** A delivery that its consumer settles: each of the four acts once, whichever comes first. The consumer's thread. */

import { RecordDelivery } from '../reader/delivery.ts'
import type { RecordPlace } from '../reader/intake.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { failureOf, MillraceError } from '../words/errors.ts'
import type { RetryOrder } from '../words/group-options.ts'
import type { Offset } from '../words/quantities.ts'

/** Who is told how a delivery ended. */
export interface Settler {
  readonly retryOrder: RetryOrder
  /** Why a delivery that it took back cannot be settled any more. */
  late(delivery: SettleableDelivery): MillraceError
  acked(delivery: SettleableDelivery): void
  /** `delayMs`: the wait for its next attempt that its consumer asks for, which only queues know. */
  failed(
    delivery: SettleableDelivery,
    how: 'failed' | 'rejected' | 'decode',
    error: unknown,
    delayMs?: number | null,
  ): void
  released(delivery: SettleableDelivery): void
  /** As released; but its consumer has not seen it, so that it is no hand-out. */
  withdrawn(delivery: SettleableDelivery): void
}

export class SettleableDelivery<V = unknown> extends RecordDelivery<V> implements ManualDelivery<V> {
  // None of it is a field that code of a user's would find, so that a delivery can be published again as it is.
  #entry: object | null
  readonly #settler: Settler
  /** That of its record: users can write `offset`, which any program that assigns a row to a delivery does. */
  readonly #place: Offset
  #settled = false
  /** Whether its reader took it back, or its consumer left, before it was settled. */
  #gone: 'no' | 'taken back' | 'left' = 'no'
  #comesAgain = false
  #unseen = false
  #undecodable: unknown = null

  constructor(
    settler: Settler,
    { frame, at, offset }: RecordPlace,
    deliveryAttempt: number,
    failedAttempts: number,
    entry: object | null = null,
  ) {
    super(frame, at, offset, deliveryAttempt, failedAttempts)
    this.#place = offset
    this.#entry = entry
    this.#settler = settler
  }

  // What only its reader needs is static: a user's code that looks at a delivery, or shows its prototype, finds none of it.

  /** What its reader keeps of the record; null: nothing. */
  static entryOf(delivery: SettleableDelivery): object | null {
    return delivery.#entry
  }

  /** Its reader keeps this of the record from now on. */
  static keepEntry(delivery: SettleableDelivery, entry: object): void {
    delivery.#entry = entry
  }

  /** Where its record is. */
  static placeOf(delivery: SettleableDelivery): RecordPlace {
    const [frame, at] = delivery.place
    return { offset: delivery.#place, frame, at }
  }

  /** The offset of its record. */
  static offsetOf(delivery: SettleableDelivery): Offset {
    return delivery.#place
  }

  /** Whether its consumer nacked or released it. */
  get comesAgain(): boolean {
    return this.#comesAgain
  }

  /** Whether it only waits to be looked at by its consumer: it is no hand-out yet. */
  get unseen(): boolean {
    return this.#unseen
  }

  set unseen(isUnseen: boolean) {
    this.#unseen = isUnseen
  }

  /** Why its value could not be decoded, once that was tried. */
  get undecodable(): unknown {
    return this.#undecodable
  }

  override get value(): V {
    try {
      return super.value
    } catch (error) {
      this.#undecodable = error
      throw error
    }
  }

  /** It is about to be handed to its consumer; false: it was taken back before that, and is nobody's any more. */
  begin(): boolean {
    return true
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Whether its reader has taken it back unsettled: the member that has the partition now hands it out again. */
  get expired(): boolean {
    return this.#gone !== 'no'
  }

  /** Whether its consumer left without settling it. */
  get left(): boolean {
    return this.#gone === 'left'
  }

  /** In a sentence. */
  protected get named(): string {
    return `the delivery at ${this.topic}/${this.partition}, offset ${this.offset},`
  }

  /** @throws MillraceError MILL_SETTLED, MILL_CLOSED when nothing can be said of it any more */
  checkUnsettled(): void {
    if (this.#gone !== 'no') throw this.#settler.late(this)
    if (this.#settled) {
      throw new MillraceError('MILL_SETTLED', `${this.named} is settled already; settle each delivery once`)
    }
  }

  /** @throws MillraceError as `checkUnsettled` */
  protected settleOnce(): void {
    this.checkUnsettled()
    this.#settled = true
    this.ended()
  }

  /** It is about to be settled, or cannot be any more. */
  protected ended(): void {}

  /** It is in its reader's hands again, if it was not settled: it cannot be settled any more. */
  expire(): void {
    if (this.#settled) return
    this.#gone = 'taken back'
    this.#settled = true
    this.ended()
  }

  /** Whether `other`, of a later record, must not be seen before this one when this one comes again. */
  comesBefore(other: SettleableDelivery): boolean {
    if (this.partition !== other.partition || this.#settler.retryOrder === 'none') return false
    return this.#settler.retryOrder === 'partition' || (this.key !== null && this.key === other.key)
  }

  // Accessors, so that its consumer can take them out of it: `for await (const { value, ack } of group.consume())`.
  get ack(): () => void {
    return () => {
      this.settleOnce()
      this.#settler.acked(this)
    }
  }

  get nack(): (error?: unknown) => void {
    return error => this.fail(error, null)
  }

  protected fail(error: unknown = new Error('nack'), delayMs: number | null = null): void {
    this.settleOnce()
    this.#comesAgain = true
    this.#settler.failed(this, failureOf(error), error, delayMs)
  }

  get reject(): (reason?: unknown) => void {
    return (reason = new Error('rejected')) => {
      this.settleOnce()
      this.#settler.failed(this, 'rejected', typeof reason === 'string' ? new Error(reason) : reason)
    }
  }

  get release(): () => void {
    return () => {
      this.settleOnce()
      this.#comesAgain = true
      this.#settler.released(this)
    }
  }

  /** Its consumer leaves without having settled it. A record that does not decode would make the next one leave, too. */
  leave(): void {
    if (this.#undecodable === null) this.release()
    else this.nack(this.#undecodable)
    this.#gone = 'left'
  }

  /** Hands it back before its consumer has seen it. */
  withdraw(): void {
    this.settleOnce()
    this.#settler.withdrawn(this)
  }
}
