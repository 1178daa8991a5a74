/**
 * What a partition with a log on disk has taken from a ring and copied into its window, and not yet committed.
 *
 * The partition host's thread. Frames of one ring at a time, since a commit can say of one ring how far it was taken.
 * They are committed, or failed, by the group commit that ends the pass (host-store.ts); their answers wait for it.
 * Bound: the quota of a ring for each pass.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { RECEIPT_APPENDED } from '../link.ts'
import { maxTimestampOf, signBody } from '../log/frame.ts'
import type { Answer, IncomingRing } from './incoming-ring.ts'

export class StagedAppend {
  readonly ring: IncomingRing
  /** Window position of its first frame. */
  readonly from: number
  readonly baseOffset: number
  readonly #answers: Answer[] = []
  maxTimestamp: number = Number.NEGATIVE_INFINITY

  constructor(ring: IncomingRing, from: number, baseOffset: number) {
    this.ring = ring
    this.from = from
    this.baseOffset = baseOffset
  }

  /** Signs a frame in its ring, which is to be copied into the window as it is, and keeps its answer. */
  take(memory: Memory, address: number, ringEnd: number, baseOffset: number): void {
    signBody(memory, address)
    this.maxTimestamp = Math.max(this.maxTimestamp, maxTimestampOf(memory, address))
    this.#answers.push({ ringEnd, baseOffset, status: RECEIPT_APPENDED })
  }

  /** Answers; with another status, if what was to be appended was not. */
  answer(failure: number | null): void {
    const { link, id } = this.ring
    for (const { ringEnd, baseOffset, status } of this.#answers) {
      if (failure === null) link.receipt(id, ringEnd, baseOffset, status)
      else link.receipt(id, ringEnd, 0, failure)
    }
    link.publish()
  }
}
