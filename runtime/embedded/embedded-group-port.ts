/**
 * A group of the embedded engine behind the port, and its members of this thread.
 *
 * The thread that opened the engine. A member is what `observe` has: deliveries against credits, acked in any order. No delivery
 * is ever nacked here, so that the group needs no attempts and no dead letters; what fails is known above the port.
 */
import type { RunMember } from '../delivery/handler-member.ts'
import type { SettleableDelivery } from '../delivery/manual-delivery.ts'
import { ManualMember } from '../delivery/manual-member.ts'
import type { GroupPort, Membership, Receiver, SeekTarget } from '../engine/engine.ts'
import type { DeliveredRecord, EncodedHeaders } from '../engine/records.ts'
import type { RunSpec } from '../wire/control-calls.ts'
import type { RevokeAnswer } from '../wire/member-calls.ts'
import type { Assignment, TopicShape } from '../wire/places.ts'
import type { StartPosition } from '../wire/start-position.ts'
import { closedError } from '../words/closed-error.ts'
import { totalOf } from '../words/counters.ts'
import { isMillraceError, MillraceError } from '../words/errors.ts'
import type { Headers } from '../words/message.ts'
import type { RunObserver } from './open-runs.ts'
import type { Session } from './session.ts'
import { joinAlone, runEnded, stopRun } from './sole-member.ts'

/** Longest wait for a member's partitions to be let go. */
const LEAVE_MS = 30_000

export class EmbeddedGroupPort implements GroupPort {
  readonly name: string
  readonly #session: Session
  readonly #topic: TopicShape
  readonly #from: 'earliest' | 'latest'

  constructor(session: Session, topic: TopicShape, name: string, from: 'earliest' | 'latest') {
    this.#session = session
    this.#topic = topic
    this.name = name
    this.#from = from
  }

  async join(receiver: Receiver): Promise<Membership> {
    this.#session.checkAccepts()
    return EmbeddedMembership.join(this.#session, this.#spec(), receiver)
  }

  #spec(): RunSpec {
    return {
      topic: this.#topic.id,
      group: this.name,
      policy: {
        attempts: Number.POSITIVE_INFINITY,
        hasDeadLetters: false,
        initialMs: 0,
        maxMs: 0,
        jitter: 0,
        atMostOnce: false,
        order: 'partition',
      },
      deadLetter: null,
      from: this.#from,
      given: [],
      handlerTimeoutMs: Number.POSITIVE_INFINITY,
      output: null,
      concurrency: 1,
      batch: null,
      confirms: true,
      threads: null,
    }
  }

  async seek(to: SeekTarget): Promise<void> {
    const partition = typeof to === 'object' && 'partition' in to ? to.partition : null
    const place = placeOf(to)
    await this.#session.ask(control => control.seekGroup(this.#topic.id, this.name, partition, place))
  }

  async lag(): Promise<number> {
    const { reports } = await this.#session.ask(control => control.groupStats(this.#topic.id, this.name, false))
    return totalOf(['lag'], reports).lag
  }

  async delete(): Promise<void> {
    await this.#session.ask(control => control.deleteGroup(this.#topic.id, this.name))
  }
}

/** A position is `partition:offset`. */
function placeOf(to: SeekTarget): StartPosition {
  if (typeof to === 'string') return to
  if ('timeMs' in to) return { timeMs: to.timeMs }
  return { offset: Number(to.position.slice(to.position.indexOf(':') + 1)) }
}

/** Says which partition was revoked, and else does what the member does. */
class ToldMember implements RunMember {
  readonly #member: ManualMember
  readonly #revoked: (partition: number) => void
  readonly #partitions = new Map<number, number>()

  constructor(member: ManualMember, revoked: (partition: number) => void) {
    this.#member = member
    this.#revoked = revoked
  }

  assign(assignment: Assignment): Promise<void> {
    this.#partitions.set(assignment.cursor, assignment.place.partition)
    return this.#member.assign(assignment)
  }

  async revoke(cursor: number, epoch: number): Promise<RevokeAnswer> {
    const answer = await this.#member.revoke(cursor, epoch)
    const partition = this.#partitions.get(cursor)
    if (answer.held && partition !== undefined) this.#revoked(partition)
    return answer
  }

  onStack(): null {
    return null
  }

  leaving(): void {
    this.#member.leaving()
  }

  abandon(): void {
    this.#member.abandon()
  }

  pause(): void {
    this.#member.pause()
  }

  resume(): void {
    this.#member.resume()
  }
}

class EmbeddedMembership implements Membership, RunObserver {
  readonly #session: Session
  readonly #receiver: Receiver
  readonly #run: number
  readonly #release: () => void
  readonly #out: Map<DeliveredRecord, SettleableDelivery>
  #hasEnded = false
  #leaving: Promise<void> | null = null

  private constructor(
    session: Session,
    receiver: Receiver,
    run: number,
    release: () => void,
    out: Map<DeliveredRecord, SettleableDelivery>,
  ) {
    this.#session = session
    this.#receiver = receiver
    this.#run = run
    this.#release = release
    this.#out = out
    session.runs.hold(run, this)
  }

  static join(session: Session, spec: RunSpec, receiver: Receiver): Promise<EmbeddedMembership> {
    /** At most `window` of them. */
    const out = new Map<DeliveredRecord, SettleableDelivery>()
    const emit = (delivery: SettleableDelivery): void => {
      const record = recordOf(delivery)
      out.set(record, delivery)
      receiver.take(record)
    }
    const revoked = (partition: number): void => {
      for (const record of out.keys()) if (record.partition === partition) out.delete(record)
      receiver.revoked(partition)
    }
    return joinAlone(
      session,
      spec,
      ({ retryOrder }) => new ToldMember(new ManualMember(session.thread, receiver.window, retryOrder, emit), revoked),
      (run, release) => new EmbeddedMembership(session, receiver, run, release, out),
    )
  }

  async settle(records: readonly DeliveredRecord[]): Promise<void> {
    if (this.#hasEnded) throw this.#over()
    let foreign = 0
    for (const record of records) {
      const delivery = this.#out.get(record)
      this.#out.delete(record)
      try {
        if (delivery === undefined) foreign++
        else delivery.ack()
      } catch (error) {
        if (!isMillraceError(error, 'MILL_SETTLED') && !isMillraceError(error, 'MILL_CLOSED')) throw error
        foreign++
      }
    }
    if (foreign === 0) return
    if (this.#leaving !== null) throw this.#over()
    throw new MillraceError('MILL_SETTLED', `${foreign} of ${records.length} records are not this member's any more`)
  }

  #over(): MillraceError {
    if (this.#session.closed) return closedError()
    return new MillraceError(
      'MILL_CLOSED',
      'this member has left its group: records that it had not settled are handed to whoever comes next',
    )
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave(): Promise<void> {
    if (this.#hasEnded) return
    try {
      await stopRun(this.#session, this.#run, LEAVE_MS)
    } finally {
      this.#end()
    }
  }

  failed(error: Error): void {
    this.#end()
    this.#receiver.failed(error)
  }

  closed(): void {
    this.failed(closedError())
  }

  #end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#out.clear()
    runEnded(this.#session, this.#run, this.#release)
  }
}

function recordOf(delivery: SettleableDelivery): DeliveredRecord {
  const { partition, offset, keyBytes, valueBytes, headers, timestamp, deliveryAttempt } = delivery
  return {
    partition,
    position: `${partition}:${offset}`,
    key: keyBytes,
    value: valueBytes,
    headers: encodedHeaders(headers),
    timestampMs: timestamp,
    redelivered: deliveryAttempt - 1,
  }
}

function encodedHeaders(headers: Headers): EncodedHeaders {
  return Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? Buffer.from(value) : value])
}
