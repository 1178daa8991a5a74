/**
 * A batch whose records are in no lane, for as long as nothing is known of them but that they are out together.
 *
 * The handling thread; one for each executor of batches. Mostly a batch ends as a whole, and an account of each record in the
 * lane would cost more than all the rest of its way. So a batch goes out without one, if the lane is empty and nothing is known of
 * what comes next. What else becomes of a record than the plain end of its batch is the lane's affair: all of them are put
 * into the lane first, where they are out together. The ledger has each record all the same, for who comes next.
 *
 * Bound: one batch; none where several may be out beside each other.
 */
import type { Intake } from '../reader/intake.ts'
import type { BatchShape } from '../wire/member-calls.ts'
import type { CommitLine, Entry } from './commit-line.ts'
import type { LaneCall } from './lane-call.ts'
import { SettleableDelivery, type Settler } from './manual-delivery.ts'

export class PlainBatch {
  readonly #line: CommitLine
  readonly #intake: Intake
  readonly #settler: Settler
  /** The call that has it; null: none is out. */
  #call: LaneCall | null = null
  #deliveries: readonly SettleableDelivery[] = []

  constructor(line: CommitLine, intake: Intake, settler: Settler) {
    this.#line = line
    this.#intake = intake
    this.#settler = settler
  }

  /** Records that are out in it. */
  get out(): number {
    return this.#deliveries.length
  }

  /**
   * Hands out the records that come next, if the lane is empty. Null: what there is waits in the lane, to go by its rules. So does
   * one record alone, which is charged with what its thread dies of. And so do fewer than a batch that may wait for more: since
   * when they wait is known of what is in the lane only (batch-fill.ts), and records of a batch out here could not be added to.
   *
   * `commit`: the caller's own, which makes room for them.
   */
  take({ maxRecords, maxWaitMs }: BatchShape, commit: () => void): LaneCall | null {
    const line = this.#line
    if (line.lane.size > 0) return null
    if (!line.hasRoom(maxRecords)) commit()
    const read = this.#read(maxRecords)
    if (read.length < 2 || (read.length < maxRecords && maxWaitMs > 0)) {
      for (const each of read) line.putIn(SettleableDelivery.placeOf(each))
      return null
    }
    this.#deliveries = read
    this.#call = { entries: [], deliveries: read, handled: 0 }
    this.#stand('out')
    return this.#call
  }

  #read(max: number): SettleableDelivery[] {
    const read: SettleableDelivery[] = []
    while (read.length < max && this.#line.hasRoom()) {
      const place = this.#line.takePlace()
      if (place === null) break
      read.push(new SettleableDelivery(this.#settler, place, 1, 0))
    }
    return read
  }

  #stand(how: 'out' | 'settled'): void {
    for (const each of this.#deliveries) this.#intake.stands(SettleableDelivery.offsetOf(each), 1, how)
  }

  /** Those that are out in it are handled, all of them. */
  settle(): void {
    const last = this.#deliveries.at(-1)
    if (last === undefined) return
    this.#stand('settled')
    this.#line.lane.passed(SettleableDelivery.offsetOf(last) + 1)
    this.#end()
  }

  /** Puts those that are out in it into the lane, and into its call. */
  intoLane(): void {
    const [call, deliveries] = [this.#call, this.#deliveries]
    if (call === null) return
    this.#end()
    for (const each of deliveries) this.#line.putIn(SettleableDelivery.placeOf(each))
    call.entries = this.#line.lane.batch(deliveries.length, 0)
    for (const [index, each] of deliveries.entries()) SettleableDelivery.keepEntry(each, call.entries[index] as Entry)
  }

  #end(): void {
    this.#call = null
    this.#deliveries = []
  }
}
