/**
 * What one thread publishes to one topic: choice of partition, batches, waiting, flush.
 *
 * The producer's thread. Order: per partition, in the order of the calls. A publish that finds its partition full waits
 * (waiting-room.ts has the bounds) and keeps later ones for that partition behind it; a batch that waits keeps
 * everything behind it. Only a receipt resolves a publish. What `tryPublish` has taken waits only while its partition moves
 * to a larger ring.
 */
import { FULL } from 'sharedarraybuffer-ring'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { type Codec, codecOf, isWellFormed } from '../words/codec.ts'
import { FullError, MillraceError } from '../words/errors.ts'
import type { BatchReceipt, Key, Message, Partitioner, PublishOptions, Receipt } from '../words/message.ts'
import { asMessage, checkedKey, checkTimestamp, halfKey } from './checked-message.ts'
import { Flushes } from './flushes.ts'
import { copyHeaders } from './given-headers.ts'
import { fullestOf, unansweredOf } from './on-its-way.ts'
import { Overdue, type Waiter } from './overdue.ts'
import { LATER, PartitionChoice, runOf } from './partition-choice.ts'
import { type FrameObserver, GROW, PartitionWriter } from './partition-writer.ts'
import { RUN_RECORDS } from './partitioner.ts'
import { PendingBatch } from './pending-batch.ts'
import { PendingPublish } from './pending-publish.ts'
import { prepareBatch } from './prepared-batch.ts'
import type { ProducerUpcalls } from './producer-upcalls.ts'
import { checkRecord, type EncodedMessage, encodedSize, type StoredMessage, writeRecord } from './record-writer.ts'
import { RingChanges, type RingUser } from './ring-changes.ts'
import { Unobserved } from './unobserved.ts'
import { type LineUser, WaitingLine } from './waiting-line.ts'
import type { Sweepable, WaitingRoom } from './waiting-room.ts'

/** Room for a header that counts replays. */
const STORED_EXTRA_BYTES = 64
const NO_OPTIONS: PublishOptions = Object.freeze({})
const FOR_EVER: PublishOptions = Object.freeze({ timeoutMs: Number.POSITIVE_INFINITY })

export class TopicProducer implements Sweepable, RingUser, LineUser {
  /** The number of a named one; null: it is its thread's. */
  readonly named: number | null
  /** Called when the topic has more partitions, before anything is published to them. */
  onGrown: () => void = () => undefined
  #topic: ProducedTopic
  readonly #thread: AttachedThread
  readonly #upcalls: ProducerUpcalls
  readonly #room: WaitingRoom
  readonly #codec: Codec
  readonly #writers: PartitionWriter[]
  readonly #choice: PartitionChoice
  readonly #line: WaitingLine
  readonly #rings: RingChanges
  readonly #overdue: Overdue
  readonly #flushes: Flushes
  #failure: Error | null = null
  /** Why a named producer's record is missing: were later ones appended, it would be taken for published. */
  #gap: Error | null = null
  readonly #unobserved: Unobserved

  constructor(
    thread: AttachedThread,
    upcalls: ProducerUpcalls,
    room: WaitingRoom,
    topic: ProducedTopic,
    rings: readonly RingPlace[],
    named: number | null = null,
  ) {
    this.#topic = topic
    this.named = named
    this.#thread = thread
    this.#upcalls = upcalls
    this.#room = room
    this.#codec = codecOf(topic.codec)
    this.#writers = rings.map(ring => this.#writerOf(ring))
    for (const writer of this.#writers) thread.addWriter(writer, this)
    this.#line = new WaitingLine(room, rings.length)
    this.#rings = new RingChanges(thread, upcalls, room, this)
    this.#flushes = new Flushes(this.#writers, room)
    this.#unobserved = new Unobserved(topic.name, upcalls)
    this.#overdue = new Overdue(
      topic.id,
      upcalls,
      waiter => this.#partitionOfWaiter(waiter),
      then => thread.drain(then),
      () => this.serve(),
    )
    this.#choice = new PartitionChoice(topic.name, this.#writers)
    room.add(this)
  }

  #writerOf(ring: RingPlace): PartitionWriter {
    return new PartitionWriter(this.#thread.memory, ring, this.named ?? this.#thread.id, this.named !== null)
  }

  get topic(): ProducedTopic {
    return this.#topic
  }

  /**
   * The topic has more partitions, to which records go from now on. What waits already keeps the partition that it was given. Of
   * what is closed the new rings are given back.
   */
  grown(topic: ProducedTopic, rings: readonly RingPlace[]): void {
    if (topic.partitions <= this.#topic.partitions) return
    for (const ring of rings) {
      const writer = this.#writerOf(ring)
      this.#writers.push(writer)
      this.#line.grown()
      if (this.#failure === null) this.#thread.addWriter(writer, this)
      else this.#giveBack(writer)
    }
    this.#topic = topic
    this.#choice.grown()
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
  publish(message: Message, options: PublishOptions = NO_OPTIONS, isOutput = false): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#checkOpen(options)
      const pending = new PendingPublish(
        this.topic,
        this.#room,
        this.#encode(message),
        message,
        options,
        resolve,
        reject,
      )
      pending.isOutput = isOutput
      this.#send(pending)
    })
  }

  /** Publishes what was in a topic before; what is added on the way may go beyond `maxMessageBytes`. */
  publishStored(stored: StoredMessage, options: PublishOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#checkOpen(options)
      const partition = this.#choice.of(stored.partition, stored.key, stored.value, stored, RUN_RECORDS)
      const encoded = { ...stored, partition, extraBytes: STORED_EXTRA_BYTES }
      this.#send(new PendingPublish(this.topic, this.#room, encoded, stored, options, resolve, reject))
    })
  }

  #send(pending: PendingPublish): void {
    try {
      const { message } = pending
      if (this.#mayAppend(message.partition) && this.#append(message, pending)) return
    } catch (error) {
      pending.settle(error as Error)
      return
    }
    this.#wait(pending)
  }

  /** `mayWait`: the record may also wait for its partition's larger ring. */
  tryPublish(message: Message, mayWait = true): boolean {
    this.#checkOpen(NO_OPTIONS)
    const { key: givenKey, value: given, headers: givenHeaders, partition: wanted, timestamp } = asMessage(message)
    const value = this.#codec.encode(given)
    const headers = givenHeaders === undefined ? null : copyHeaders(givenHeaders)
    const key = checkedKey(givenKey)
    checkTimestamp(timestamp)
    const partition = this.#choice.of(wanted, key, value, message, RUN_RECORDS)
    if (!this.#mayAppend(partition))
      return mayWait && this.#waitForRing({ partition, key, value, headers, timestamp, extraBytes: 0 }, message)
    const writer = this.#writers[partition] as PartitionWriter
    const max = this.topic.maxMessageBytes
    let said = writeRecord(this.#thread.memory, writer, key, value, headers, timestamp, max)
    if (said === FULL) {
      // A caller that never yields still lets the host see its frames, and sees its receipts here.
      this.#thread.sealAll()
      this.#thread.ringHost(writer.host, writer.ring)
      if (!this.#thread.drain() || !this.#mayAppend(partition)) return false
      said = writeRecord(this.#thread.memory, writer, key, value, headers, timestamp, max)
    }
    if (said !== 0) {
      this.#rings.need(writer, said, encodedSize(key, value, headers))
      const isTooLarge = said === GROW && mayWait
      return isTooLarge && this.#waitForRing({ partition, key, value, headers, timestamp, extraBytes: 0 }, message)
    }
    if (!writer.dirty) this.#thread.markDirty(writer)
    return true
  }

  /** Takes a record that nobody observes into the waiting room, if it waits for nothing but a larger ring. */
  #waitForRing(encoded: EncodedMessage, message: Message): boolean {
    const { partition, key, value, headers } = encoded
    if (this.#line.hasBatches || !this.#rings.growing.has(partition)) return false
    if (typeof key === 'string' && !isWellFormed(key)) throw halfKey()
    checkRecord(key, value, headers, this.topic.maxMessageBytes)
    const lost = (error: Error): void => this.#unobserved.lost(partition, 1, error)
    const pending = new PendingPublish(this.topic, this.#room, encoded, message, FOR_EVER, () => undefined, lost)
    return this.#line.take(pending)
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
        if (sequences !== null) this.#gap ??= error
        refuse(error)
      }
      try {
        this.#checkOpen(options)
      } catch (error) {
        reject(error as Error)
        return
      }
      if (!Array.isArray(messages))
        throw new MillraceError('MILL_INVALID_OPTION', 'publishBatch takes an array of messages')
      const prepared = prepareBatch(messages, this.#codec, this.topic, this.#choice)
      if (prepared instanceof Error) {
        reject(prepared)
        return
      }
      const batch = new PendingBatch(this.topic, this.#room, messages, prepared, sequences, options, resolve, reject)
      if (this.#line.passesBatches && this.advanceBatch(batch)) return
      this.#wait(batch)
    })
  }

  /**
   * Resolves when everything published so far is appended; rejects when part of it failed. `isLast`: nothing comes any more,
   * and what nobody waits to hear of is not waited for.
   */
  async flush(isLast = false): Promise<void> {
    this.#checkOpen(NO_OPTIONS)
    const flushed = this.#flushes.add(this.#line.serial, isLast)
    this.#thread.sealAll()
    this.#flushes.serve(this)
    return flushed
  }

  #encode(message: Message): EncodedMessage {
    const { key: givenKey, value: given, headers: givenHeaders, partition: wanted, timestamp } = asMessage(message)
    const value = this.#codec.encode(given)
    const headers = givenHeaders === undefined ? null : copyHeaders(givenHeaders)
    const key = checkedKey(givenKey)
    checkTimestamp(timestamp)
    const partition = this.#choice.of(wanted, key, value, message, RUN_RECORDS)
    return { partition, key, value, headers, timestamp, extraBytes: 0 }
  }

  /**
   * Of a named producer's record, which has a key or names its partition; `partitions`: over how many keys are spread.
   *
   * @throws MillraceError MILL_OUT_OF_RANGE
   */
  partitionOf(key: Key | null, partition: number | undefined, partitions: number): number {
    return this.#choice.among(partitions, partition, key ?? '')
  }

  /** What chooses partitions from now on. @throws MillraceError MILL_CONFIG_MISMATCH when another one does already */
  settlePartitioner(partitioner: Partitioner): void {
    this.#choice.settle(partitioner)
  }

  #mayAppend(partition: number): boolean {
    return this.#line.passes(partition) && (this.#rings.growing.size === 0 || !this.#rings.growing.has(partition))
  }

  #append(message: EncodedMessage, observer: FrameObserver): boolean {
    const writer = this.#writers[message.partition] as PartitionWriter
    const { key, value, headers, timestamp, extraBytes } = message
    const max = this.topic.maxMessageBytes + extraBytes
    const said = writeRecord(this.#thread.memory, writer, key, value, headers, timestamp, max)
    if (said !== 0) this.#rings.need(writer, said, encodedSize(key, value, headers))
    if (said !== 0) return false
    writer.observe(observer)
    if (!writer.dirty) this.#thread.markDirty(writer)
    return true
  }

  /** Appends what fits; true when the whole batch is in frames, or has failed. */
  advanceBatch(batch: PendingBatch): boolean {
    const { messages, prepared } = batch
    const { memory } = this.#thread
    const max = this.topic.maxMessageBytes
    const run = runOf(messages.length, this.topic.partitions)
    if (batch.sequences !== null && this.#gap !== null) {
      batch.settle(this.#gap)
      return true
    }
    try {
      while (batch.next < messages.length) {
        const at = batch.next
        const key = prepared.keys[at] as Key | null
        const value = prepared.values[at] as string | Uint8Array | null
        const headers = prepared.headersOf(at)
        const timestamp = prepared.timestampOf(at)
        const chosen = prepared.partitions[at] as number
        const partition = chosen === LATER ? this.#choice.keyless(value, run) : chosen
        const writer = this.#writers[partition] as PartitionWriter
        const blocked = this.#rings.growing.size > 0 && this.#rings.growing.has(partition)
        const said = blocked ? FULL : writeRecord(memory, writer, key, value, headers, timestamp, max)
        if (said !== 0) {
          if (!blocked) this.#rings.need(writer, said, encodedSize(key, value, headers))
          this.#thread.sealAll()
          return false
        }
        writer.observe(batch)
        if (batch.sequences !== null) writer.sequence(batch.sequences[at] as number)
        batch.took(partition)
        if (!writer.dirty) this.#thread.markDirty(writer)
      }
    } catch (error) {
      batch.settle(error as Error)
      return true
    }
    batch.settleIfComplete()
    return true
  }

  #wait(waiter: Waiter): void {
    this.#thread.sealAll()
    if (this.#line.take(waiter)) return
    waiter.settle(
      new FullError(
        `topic ${this.topic.name} is full, and so is this thread's waiting room (${this.#room.bounds}); await each publish, or use tryPublish`,
        waiter instanceof PendingPublish ? waiter.original : waiter.messages[waiter.next],
      ),
    )
  }

  /** After receipts, and when a ring has grown: those that waited go first, then flushes. */
  serve(): void {
    if (this.topic.onFull === 'reject' || this.topic.durability !== 'memory')
      for (const writer of this.#writers) this.#unobserved.takeFrom(writer)
    if (!this.#line.isEmpty) {
      this.#line.serve(this, this.#rings.growing)
      this.#thread.sealAll()
    }
    this.#unobserved.announce()
    this.#flushes.serve(this)
  }

  appendWaiting(waiter: PendingPublish): boolean {
    try {
      return this.#append(waiter.message, waiter)
    } catch (error) {
      waiter.settle(error as Error)
      return true
    }
  }

  /** Serial of the oldest publish that waits. */
  get oldest(): number {
    return this.#line.oldest
  }

  takeRefusal(): Error | null {
    return this.#unobserved.takeRefusal()
  }

  get isOpen(): boolean {
    return this.#failure === null
  }

  failWaiting(partition: number, error: Error): void {
    this.#line.failIn(partition, error)
  }

  /** Memory is short: makes up to `most` rings small that nobody uses; returns how many. */
  giveBack(most: number): number {
    return this.#rings.giveBack(this.#writers, most)
  }

  /** Gives up what is overdue and says what has waited for long. */
  sweep(now: number): void {
    const waiting = new Set<Waiter>(this.#line.waiters)
    for (const writer of this.#writers) writer.pending(observer => waiting.add(observer as Waiter))
    this.#overdue.sweep(waiting, now, this.#flushes)
    this.serve()
  }

  #partitionOfWaiter(waiter: Waiter | null): number {
    return waiter instanceof PendingPublish ? waiter.message.partition : fullestOf(this.#writers)
  }

  /** Records of which somebody wants to hear. */
  get unanswered(): number {
    return unansweredOf(this.#writers, this.#line.waiters)
  }

  /** What holds the partition with the most on its way, in words; nothing where that is not known. */
  describeHold(): Promise<string> {
    return this.#upcalls.describeHold(this.topic.id, fullestOf(this.#writers)).catch(() => '')
  }

  #checkOpen(options: PublishOptions): void {
    if (this.#failure !== null) throw this.#failure
    if (options.signal?.aborted === true)
      throw new MillraceError('MILL_ABORTED', 'the publish was aborted before it began', {
        cause: options.signal.reason,
      })
  }

  /** Nothing more is published; its rings are given back when they are drained. */
  close(): void {
    for (const writer of this.#writers) this.#giveBack(writer)
    this.fail(new MillraceError('MILL_CLOSED', 'the producer is closed'))
  }

  #giveBack(writer: PartitionWriter): void {
    writer.close()
    this.#thread.ringHost(writer.host, writer.ring)
  }

  /** Refuses what comes, and fails everything on its way. */
  fail(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#line.fail(error)
    for (const writer of this.#writers) {
      const count = writer.fail(error)
      if (count > 0) this.#unobserved.lost(writer.partition, count, error)
      for (const ring of [writer.ring, ...writer.takeFormerRings()]) this.#thread.removeWriter(ring)
    }
    this.#unobserved.announce()
    this.#flushes.fail(error)
    this.#room.remove(this)
  }
}
