/**
 * What one thread publishes to one topic: the calls, what waits, flushes, the end.
 *
 * The producer's thread. Order: per partition, in the order of the calls. A publish that finds its partition full waits
 * (waiting-room.ts has the bounds) and keeps later ones for that partition behind it; a batch that waits keeps
 * everything behind it. Only a receipt resolves a publish. What `tryPublish` has taken waits only while its partition moves
 * to a larger ring. What the producer's rate (rate-gate.ts) does not allow yet waits in the same line.
 */

import type { AttachedThread } from '../thread/attached-thread.ts'
import { type ProducedTopic, titleOf } from '../wire/produced-topic.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { MillraceError } from '../words/errors.ts'
import type { BatchReceipt, Message, PublishOptions, Receipt } from '../words/message.ts'
import { noBatch } from './checked-message.ts'
import { Flushes } from './flushes.ts'
import { JointGate } from './joint-gate.ts'
import type { SendOptions } from './message-fields.ts'
import { addWaiter, Overdue, type Unanswered } from './overdue.ts'
import type { PartitionChoice } from './partition-choice.ts'
import { PartitionWriters } from './partition-writers.ts'
import { PendingBatch } from './pending-batch.ts'
import { PendingPublish } from './pending-publish.ts'
import type { ProducerUpcalls } from './producer-upcalls.ts'
import { checkNotAborted } from './publish-ends.ts'
import { gateOf } from './rate-gate.ts'
import { RecordAppends } from './record-appends.ts'
import type { EncodedMessage, StoredMessage } from './record-writer.ts'
import { RingChanges, type RingUser } from './ring-changes.ts'
import { Unobserved } from './unobserved.ts'
import { WaitingLine } from './waiting-line.ts'
import type { Sweepable, WaitingRoom } from './waiting-room.ts'

const NO_OPTIONS: PublishOptions = Object.freeze({})

export class TopicProducer implements Sweepable, RingUser {
  /** The number of a named one; null: it is its thread's. */
  readonly named: number | null
  /** Called when the topic has more partitions, before anything is published to them. */
  onGrown: () => void = () => undefined
  readonly joint: JointGate
  readonly #thread: AttachedThread
  readonly #upcalls: ProducerUpcalls
  readonly #room: WaitingRoom
  readonly #writers: PartitionWriters
  readonly #line: WaitingLine
  readonly #rings: RingChanges
  readonly appends: RecordAppends
  readonly #overdue: Overdue
  readonly #flushes: Flushes
  #failure: Error | null = null
  readonly #unobserved: Unobserved

  constructor(
    thread: AttachedThread,
    upcalls: ProducerUpcalls,
    room: WaitingRoom,
    topic: ProducedTopic,
    rings: readonly RingPlace[],
    named: number | null = null,
  ) {
    this.named = named
    this.#thread = thread
    this.#upcalls = upcalls
    this.#room = room
    this.#writers = new PartitionWriters(thread, this, named, topic.frameRecords)
    for (const ring of rings) this.#writers.add(ring)
    const gate = gateOf(topic, () => this.serve())
    this.#line = new WaitingLine(room, rings.length, gate)
    this.#rings = new RingChanges(thread, upcalls, room, this)
    this.joint = new JointGate(thread, this.#writers.all, this.#line, this.#rings)
    this.#flushes = new Flushes(this.#writers.all, room)
    this.#unobserved = new Unobserved(topic, upcalls, this.#flushes)
    this.#overdue = new Overdue(
      topic.id,
      upcalls,
      waiter => waiter?.partition ?? this.#writers.fullest,
      then => thread.drain(then),
      () => this.serve(),
      gate?.text ?? '',
    )
    this.appends = new RecordAppends(thread, room, topic, this.#writers, this.#line, this.#rings, this.#unobserved)
    room.add(this)
  }

  get topic(): ProducedTopic {
    return this.appends.topic
  }

  /** What chooses partitions. */
  get choice(): PartitionChoice {
    return this.appends.choice
  }

  hostOf(partition: number): number {
    return this.joint.writerOf(partition).host
  }

  /**
   * The topic has more partitions, to which records go from now on. What waits already keeps the partition that it was given. Of
   * what is closed the new rings are given back.
   */
  grown(topic: ProducedTopic, rings: readonly RingPlace[]): void {
    if (topic.partitions <= this.topic.partitions) return
    for (const ring of rings) {
      this.#writers.add(ring)
      this.#line.grown()
    }
    this.appends.grown(topic)
    this.onGrown()
  }

  /** Batches that are published from now on wait, until what is returned is called. */
  hold(): () => void {
    this.#line.hold()
    return () => {
      this.#line.release()
      this.serve()
    }
  }

  /** `isOutput`: a handler has returned it, and may not fail because others wait, too. Executors bound how many there are. */
  publish(message: Message, options: SendOptions = NO_OPTIONS, isOutput = false): Promise<Receipt> {
    let said: Promise<Receipt> | EncodedMessage
    try {
      this.checkOpen(options)
      said = options === NO_OPTIONS ? this.appends.publish(message) : this.appends.encode(message, options)
    } catch (error) {
      return Promise.reject(error)
    }
    if (said instanceof Promise) return said
    const encoded = said
    return new Promise((resolve, reject) => {
      const pending = new PendingPublish(this.topic, this.#room, encoded, message, options, resolve, reject)
      pending.isOutput = isOutput
      this.send(pending)
    })
  }

  /** Publishes what was in a topic before; what is added on the way may go beyond `maxMessageBytes`, and no rate holds it. */
  publishStored(stored: StoredMessage, options: PublishOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.checkOpen(options)
      const encoded = this.appends.encodeStored(stored)
      const pending = new PendingPublish(this.topic, this.#room, encoded, stored, options, resolve, reject)
      pending.isFree = true
      this.send(pending)
    })
  }

  /** Sends what is encoded for this topic. */
  send(pending: PendingPublish): void {
    let isHeld = false
    try {
      isHeld = this.appends.holds(pending)
      if (!isHeld && !pending.done && this.appends.appendAtOnce(pending)) return
    } catch (error) {
      pending.settle(error as Error)
    }
    if (pending.done) return
    this.#thread.sealAll()
    this.#line.takeOrRefuse(pending, isHeld, titleOf(this.topic))
  }

  /** `mayWait`: the record may also wait for its partition's larger ring. */
  tryPublish(message: Message, mayWait = true): boolean {
    this.checkOpen()
    return this.appends.tryPublish(message, mayWait)
  }

  publishBatch(messages: readonly Message[], options: PublishOptions = NO_OPTIONS): Promise<BatchReceipt> {
    return this.publishSequenced(messages, null, options)
  }

  /** Of a named producer: `sequences` are the numbers of the messages. */
  publishSequenced(
    messages: readonly Message[],
    sequences: readonly number[] | null,
    options: PublishOptions,
  ): Promise<BatchReceipt> {
    return new Promise((resolve, refuse) => {
      const reject = (error: Error): void => {
        if (sequences !== null) this.appends.gap ??= error
        refuse(error)
      }
      try {
        this.checkOpen(options)
      } catch (error) {
        reject(error as Error)
        return
      }
      if (!Array.isArray(messages)) throw noBatch('publishBatch', messages)
      const prepared = this.appends.prepare(messages)
      if (prepared instanceof Error) {
        reject(prepared)
        return
      }
      const batch = new PendingBatch(this.topic, this.#room, messages, prepared, sequences, options, resolve, reject)
      const advance = this.#line.passesBatches ? this.appends.advanceBatch(batch) : 'full'
      if (advance === 'over') return
      const isHeld = advance === 'held' || this.appends.holds(batch)
      if (batch.done) return
      this.#thread.sealAll()
      this.#line.takeOrRefuse(batch, isHeld, titleOf(this.topic))
    })
  }

  /**
   * Resolves when everything published so far is appended; rejects when part of it failed, of which no earlier one has told. `isLast`:
   * nothing comes any more, and what nobody waits to hear of is not waited for.
   */
  async flush(isLast = false): Promise<void> {
    this.checkOpen()
    this.#thread.sealAll()
    const flushed = this.#flushes.add(this.#line.serial, isLast)
    this.serve()
    return flushed
  }

  /** After receipts, and when a ring has grown: those that waited go first, then flushes. */
  serve(): void {
    if (this.topic.onFull === 'reject' || this.topic.durability !== 'memory')
      for (const writer of this.#writers.all) this.#unobserved.takeFrom(writer)
    if (!this.#line.isEmpty) {
      this.#line.serve(this.appends, this.#rings.growing)
      this.#thread.sealAll()
    }
    this.joint.served()
    this.#unobserved.announce()
    this.#flushes.serve(this)
  }

  /** Serial of the oldest publish that waits. */
  get oldest(): number {
    return this.#line.oldest
  }

  get isOpen(): boolean {
    return this.#failure === null
  }

  failWaiting(partition: number, error: Error): void {
    this.#line.failIn(partition, error)
    this.joint.failed(partition, error)
  }

  /** Memory is short: makes up to `most` rings small that nobody uses; returns how many. */
  giveBack(most: number): number {
    return this.#rings.giveBack(this.#writers.all, most)
  }

  /** Gives up what is overdue and says what has waited for long. */
  sweep(now: number): void {
    this.#flushes.look(this.#line.look(now), now)
    const waiting = new Set<Unanswered>(this.#line.waiters)
    this.#writers.pending(observer => addWaiter(waiting, observer))
    this.#overdue.sweep(waiting, now, this.#flushes)
    this.#line.look(now)
    this.serve()
  }

  /** Records of which somebody wants to hear. */
  get unanswered(): number {
    return this.#writers.unanswered + this.#line.unanswered
  }

  /** Those of them that wait for the rate. */
  get held(): number {
    return this.#line.held
  }

  /** What holds them, or the partition with the most on its way, in words; nothing where that is not known. */
  async describeHold(): Promise<string> {
    if (this.#line.gate?.isShut === true) return this.#line.gate.text
    return this.#upcalls.describeHold(this.topic.id, this.#writers.fullest).catch(() => '')
  }

  /** @throws MillraceError why nothing is published any more, or MILL_ABORTED */
  checkOpen(options: PublishOptions = NO_OPTIONS): void {
    if (this.#failure !== null) throw this.#failure
    if (options !== NO_OPTIONS) checkNotAborted(options)
  }

  /** Nothing more is published; its rings are given back when they are drained. */
  close(): void {
    this.#writers.close()
    this.fail(new MillraceError('MILL_CLOSED', 'the producer is closed'))
  }

  /** Refuses what comes, and fails everything on its way. */
  fail(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#line.fail(error)
    this.#writers.fail(error, this.#unobserved)
    this.#unobserved.announce()
    this.#flushes.fail(error)
    this.#room.remove(this)
  }
}
