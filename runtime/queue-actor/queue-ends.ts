/**
 * What consumers of a queue say of their messages, and what is left of a consumer at its end.
 *
 * The partition host's thread. Acks, releases and what was not begun are in the claims; failures come by the link, and are in the claims
 * once they were told. Each is acted upon once: what is over is known by the word of its message, and by the tag of its claim.
 */
import type { Standing } from 'sharedarraybuffer-ring'
import { random } from '../../actors/world.ts'
import { instant } from '../base/instant.ts'
import type { AnswerPiece } from '../link/answers.ts'
import type { Settlement } from '../link/host-link.ts'
import { SETTLE } from '../link/link.ts'
import type { QueueEffect } from '../queue/queue-words.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { Offset } from '../words/quantities.ts'
import type { CoreClaim } from './consumer-claims.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { QueueParts } from './queue-parts.ts'

export class QueueEnds {
  readonly #parts: QueueParts

  constructor(parts: QueueParts) {
    this.#parts = parts
  }

  /** Takes in what a consumer has ended; how many. */
  collect(consumer: QueueConsumer): number {
    // Its claims have their names in the core from then on.
    this.#parts.open()
    return consumer.ended({
      acked: (first, count) => this.#acked(consumer, first, count),
      ended: (tag, offset, standing) => {
        const claim = consumer.claimOf(tag)
        if (claim !== null) this.#ended(consumer, tag, offset, claim, standing)
      },
    })
  }

  /** So many were acked, from this tag on. Nothing lies between them: what is not in the run keeps its word, and its claim. */
  #acked(consumer: QueueConsumer, first: number, count: number): void {
    const parts = this.#parts
    const from = consumer.indexOf(first)
    parts.core.ackRun(consumer.number, consumer.coreSlots, consumer.coreTags, from, from + count)
    for (let tag = first; tag < first + count; tag++) {
      parts.facts.settled(consumer.offsetOf(tag))
      parts.upcalls.fault(FAULT_POINT.betweenAckAndFree)
    }
    parts.over(consumer, first, count)
  }

  /** Acts upon how a delivery ended, as far as its claim says. */
  #ended(consumer: QueueConsumer, tag: number, offset: Offset, claim: CoreClaim, standing: Standing): void {
    const parts = this.#parts
    const { core } = parts
    const { number } = consumer
    const { slot } = claim
    if (standing === 'acked') {
      core.ack(number, slot, claim.tag)
      parts.facts.settled(offset)
    } else if (standing === 'released') {
      const effect = core.release(number, slot, claim.tag)
      if (effect !== null) parts.tookEffect(effect, '')
    } else if (standing === 'yielded') parts.takeBack(number, offset, claim)
    // How it ended comes by the link.
    else return
    parts.upcalls.fault(FAULT_POINT.betweenAckAndFree)
    parts.over(consumer, tag, 0)
  }

  /**
   * What is due is ready, and what has expired dies; whether there was any. `takeBackOverdue` takes back what has expired at its consumer:
   * each look says that once.
   */
  pass(nowMs: number, takeBackOverdue: () => boolean): boolean {
    const { overdue } = this.#parts.core
    let worked = this.#look(nowMs)
    while (overdue.length > 0 && takeBackOverdue()) worked = this.#look(nowMs) || worked
    return worked
  }

  #look(nowMs: number): boolean {
    const { core, facts } = this.#parts
    const due = core.due(nowMs)
    const { retried, count } = due
    if (count > 0) facts.fellDue(due.offsets, count, due.place)
    const expired = core.expire(nowMs)
    for (const effect of expired) this.#parts.expired(effect)
    return retried > 0 || count > 0 || expired.length > 0
  }

  /** What came by the link. */
  settle(consumer: QueueConsumer, settlement: Settlement): void {
    const { offset, how, deliveryAttempt: tag, error } = settlement
    const parts = this.#parts
    if (tag === 0 && settlement.answer === undefined) {
      parts.facts.countFailure()
      parts.upcalls.attemptFailed({ offset, failedAttempts: 1 }, error)
      return
    }
    if (settlement.answer !== undefined) {
      this.#replied(consumer, tag, offset, settlement.answer)
      return
    }
    if (how === SETTLE.halved) {
      this.#halved(consumer, JSON.parse(error) as readonly number[])
      return
    }
    const claim = consumer.claimOf(tag)
    if (claim === null) return
    const effect = this.#failed(consumer, claim, settlement)
    if (effect !== null) parts.tookEffect(effect, error)
    parts.upcalls.fault(FAULT_POINT.betweenAckAndFree)
    parts.over(consumer, tag, 0)
  }

  /** A request is done: its answer is an ack. One that was acked before has no claim any more; any other without one is not this consumer's. */
  #replied(consumer: QueueConsumer, tag: number, offset: Offset, piece: AnswerPiece): void {
    const parts = this.#parts
    const claim = tag === 0 ? null : consumer.claimOf(tag)
    if ((claim === null && tag !== 0) || !parts.requests.came(consumer, piece) || claim === null) return
    this.#ended(consumer, tag, offset, claim, 'acked')
  }

  #failed(
    { number }: QueueConsumer,
    { slot, tag }: CoreClaim,
    { how, delayMs = null }: Settlement,
  ): QueueEffect | null {
    const { core } = this.#parts
    if (how === SETTLE.late) {
      core.cancelOut(number, slot, tag)
      return core.release(number, slot, tag)
    }
    const at = instant()
    if (how === SETTLE.rejected) return core.reject(number, slot, tag, 'rejected', at)
    if (how === SETTLE.decode) return core.reject(number, slot, tag, 'decode', at)
    return core.nack(number, slot, tag, delayMs, at, random, how === SETTLE.timeout ? 'timeout' : 'failed')
  }

  #halved(consumer: QueueConsumer, tags: readonly number[]): void {
    const held = tags.flatMap(tag => {
      const claim = consumer.claimOf(tag)
      return claim === null ? [] : [claim]
    })
    const effects = this.#parts.core.failBatch(consumer.number, held, instant(), random)
    for (const effect of effects) this.#parts.tookEffect(effect, '')
    for (const tag of tags) if (consumer.claimOf(tag) !== null) this.#parts.over(consumer, tag, 0)
  }

  /**
   * The consumer has ended, and its thread writes to its slot no more: what it has not settled comes back. `crash`: its thread ended,
   * and one message may be charged with that.
   */
  close(consumer: QueueConsumer, crash: SlotCrash | null): void {
    const parts = this.#parts
    const { core, facts } = parts
    const { number } = consumer
    parts.requests.left(consumer)
    let begun = 0
    // What it ended last it may not have told.
    for (const { tag, number: offset, standing } of consumer.left()) {
      const claim = consumer.claimOf(tag) as CoreClaim
      // A thread that has not exited may be about to begin it.
      const isEntering = standing === 'entering' && crash === null
      if (standing === 'begun' || standing === 'reported' || isEntering) {
        if (core.begun(number, claim.slot, claim.tag, 0)) begun++
        if (crash?.cancelled?.includes(offset)) core.cancelOut(number, claim.slot, claim.tag)
      } else if (standing === 'entering' || standing === 'recalled') {
        parts.takeBack(number, offset, claim)
        // A successor that is told of this end again finds no claim of it, and leaves it where it went.
        if (standing === 'entering') consumer.takenBack(tag)
      } else this.#ended(consumer, tag, offset, claim, standing)
    }
    const { sending } = consumer
    if (sending !== null) parts.takeBack(number, sending.offset, sending)
    const isBlamed = crash !== null && crash.cancelled === undefined
    const effects = isBlamed ? this.#died(consumer, crash, begun) : core.detach(number)
    const failure = crash === null ? '' : JSON.stringify(crash.error)
    // What is charged comes last: a successor that finds it is to charge it, and nothing else.
    for (const effect of effects.filter(({ kind }) => kind === 'returned')) parts.tookEffect(effect, '')
    for (const effect of effects.filter(({ kind }) => kind !== 'returned')) parts.tookEffect(effect, failure)
    facts.closing = 0
  }

  #died(consumer: QueueConsumer, crash: SlotCrash, begun: number): readonly QueueEffect[] {
    const { core, facts } = this.#parts
    const executing = crash.executing ? consumer.onStack : 0
    // Once it could not be told which of several it was, it cannot be told of those that are left.
    const isUntold = facts.closing === consumer.place.epoch || (executing === 0 && begun > 1)
    if (isUntold) facts.closing = consumer.place.epoch
    return core.died(consumer.number, { cause: crash.reason, executing, withProcess: isUntold }, instant(), random)
  }
}
