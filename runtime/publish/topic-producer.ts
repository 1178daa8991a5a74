/**
 * What one thread publishes to one topic: choice of partition, batches, waiting, flush.
 *
 * The producer's thread. Order: per partition, in the order of the calls. A publish that finds its partition full waits
 * (waiting-room.ts has the bounds) and keeps later ones for that partition behind it; a batch that waits keeps
 * everything behind it. Only a receipt resolves a publish.
 */
import { FULL } from 'sharedarraybuffer-ring'
import { type Codec, codecOf } from '../codec.ts'
import { FullError, MillraceError } from '../errors.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { BatchReceipt, Durability, Key, Message, Partitioner, PublishOptions, Receipt } from '../types.ts'
import { asMessage, checkedKey, checkTimestamp } from './checked-message.ts'
import { Flushes } from './flushes.ts'
import { copyHeaders } from './given-headers.ts'
import { Overdue, type Waiter } from './overdue.ts'
import { LATER, PartitionChoice, runOf } from './partition-choice.ts'
import { type FrameObserver, PartitionWriter, type RingPlace } from './partition-writer.ts'
import { RUN_RECORDS } from './partitioner.ts'
import { PendingBatch } from './pending-batch.ts'
import { fullText, PendingPublish } from './pending-publish.ts'
import { prepareBatch } from './prepared-batch.ts'
import type { ProducerSurroundings } from './producer-surroundings.ts'
import { type EncodedMessage, encodedSize, type StoredMessage, writeRecord } from './record-writer.ts'
import { RingChanges, type RingUser } from './ring-changes.ts'
import type { Sweepable, WaitingRoom } from './waiting-room.ts'

/** What a producer needs to know of its topic. */
export interface ProducedTopic {
  readonly id: number
  readonly name: string
  readonly partitions: number
  readonly codec: 'json' | 'bytes' | 'string'
  readonly maxMessageBytes: number
  readonly onFull: 'wait' | 'reject'
  readonly durability: Durability
}

/** Room for a header that counts replays. */
const STORED_EXTRA_BYTES = 64
const NO_OPTIONS: PublishOptions = Object.freeze({})
const NO_MESSAGE: Message = Object.freeze({ value: null })

export class TopicProducer implements Sweepable, RingUser {
  readonly topic: ProducedTopic
  readonly #thread: AttachedThread
  readonly #surroundings: ProducerSurroundings
  readonly #room: WaitingRoom
  readonly #codec: Codec
  readonly #writers: PartitionWriter[]
  readonly #choice: PartitionChoice
  #waiters: Waiter[] = []
  #serial = 0
  /** Waiting single publishes, by partition. */
  readonly #waitingIn: Int32Array
  #waitingBatches = 0
  readonly #rings: RingChanges
  readonly #overdue: Overdue
  readonly #flushes: Flushes
  #failure: Error | null = null
  /** Why a named producer's record is missing: were later ones appended, it would be taken for published. */
  #gap: Error | null = null
  /** Something handed to tryPublish was refused since the last flush. */
  #refusal: Error | null = null
  readonly #stopListening: () => void

  constructor(
    thread: AttachedThread,
    surroundings: ProducerSurroundings,
    room: WaitingRoom,
    topic: ProducedTopic,
    rings: readonly RingPlace[],
    named: number | null = null,
  ) {
    this.topic = topic
    this.#thread = thread
    this.#surroundings = surroundings
    this.#room = room
    this.#codec = codecOf(topic.codec)
    this.#writers = rings.map(ring => new PartitionWriter(thread.memory, ring, named ?? thread.client, named !== null))
    for (const writer of this.#writers) thread.addWriter(writer)
    this.#rings = new RingChanges(thread, surroundings, room, this)
    this.#flushes = new Flushes(this.#writers, room)
    this.#overdue = new Overdue(
      topic.id,
      surroundings,
      waiter => this.#partitionOfWaiter(waiter),
      then => thread.drain(then),
      () => this.serve(),
    )
    this.#choice = new PartitionChoice(topic.name, this.#writers)
    this.#waitingIn = new Int32Array(topic.partitions)
    this.#stopListening = thread.onReceipts(() => this.serve())
    room.add(this)
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

  tryPublish(message: Message): boolean {
    this.#checkOpen(NO_OPTIONS)
    const { key: givenKey, value: given, headers: givenHeaders, partition: wanted, timestamp } = asMessage(message)
    const value = this.#codec.encode(given)
    const headers = givenHeaders === undefined ? null : copyHeaders(givenHeaders)
    const key = checkedKey(givenKey)
    checkTimestamp(timestamp)
    const partition = this.#choice.of(wanted, key, value, message, RUN_RECORDS)
    if (!this.#mayAppend(partition)) return false
    const writer = this.#writers[partition] as PartitionWriter
    const max = this.topic.maxMessageBytes
    let said = writeRecord(this.#thread.memory, writer, key, value, headers, timestamp, max)
    if (said === FULL) {
      // A caller that never yields still lets the host see its frames, and sees its receipts here.
      this.#thread.sealAll()
      this.#thread.ringHost(writer.host)
      if (!this.#thread.drain() || !this.#mayAppend(partition)) return false
      said = writeRecord(this.#thread.memory, writer, key, value, headers, timestamp, max)
    }
    if (said !== 0) this.#rings.need(writer, said, encodedSize(key, value, headers))
    if (said !== 0) return false
    if (!writer.dirty) this.#thread.markDirty(writer)
    return true
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
      if (this.#waiters.length === 0 && this.#advanceBatch(batch)) return
      this.#wait(batch)
    })
  }

  /**
   * Resolves when everything published so far is appended; rejects when part of it failed. `isLast`: nothing comes any more,
   * and what nobody waits to hear of is not waited for.
   */
  async flush(isLast = false): Promise<void> {
    this.#checkOpen(NO_OPTIONS)
    const flushed = this.#flushes.add(this.#serial, isLast)
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

  /** Of a named producer's record: it has a key, or names its partition. @throws MillraceError MILL_OUT_OF_RANGE */
  partitionOf(key: Key | null, partition: number | undefined): number {
    return this.#choice.of(partition, key, null, NO_MESSAGE, RUN_RECORDS)
  }

  /** What chooses partitions from now on. @throws MillraceError MILL_CONFIG_MISMATCH when another one does already */
  settlePartitioner(partitioner: Partitioner): void {
    this.#choice.settle(partitioner)
  }

  #mayAppend(partition: number): boolean {
    return (
      this.#waitingBatches === 0 &&
      this.#waitingIn[partition] === 0 &&
      (this.#rings.growing.size === 0 || !this.#rings.growing.has(partition))
    )
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
  #advanceBatch(batch: PendingBatch): boolean {
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
    if (waiter instanceof PendingPublish ? this.#admits(waiter) : this.#admitsBatch(waiter)) {
      waiter.serial = ++this.#serial
      this.#waiters.push(waiter)
      return
    }
    waiter.settle(
      new FullError(
        `topic ${this.topic.name} is full, and so is this thread's waiting room (${this.#room.bounds}); await each publish, or use tryPublish`,
        waiter instanceof PendingPublish ? waiter.original : waiter.messages[waiter.next],
      ),
    )
  }

  #admits(waiter: PendingPublish): boolean {
    const { key, value, headers, partition } = waiter.message
    const bytes = encodedSize(key, value, headers)
    if (!this.#room.admit(bytes, waiter.isOutput)) return false
    waiter.own(bytes)
    this.#waitingIn[partition] = (this.#waitingIn[partition] as number) + 1
    return true
  }

  #admitsBatch(waiter: PendingBatch): boolean {
    const bytes = waiter.prepared.bytesFrom(waiter.next)
    if (!this.#room.admitBatch(bytes)) return false
    waiter.own(bytes)
    this.#waitingBatches++
    return true
  }

  #leave(waiter: Waiter): void {
    if (waiter instanceof PendingBatch) {
      this.#waitingBatches--
      this.#room.leaveBatch(waiter.bytes)
    } else {
      this.#waitingIn[waiter.message.partition] = (this.#waitingIn[waiter.message.partition] as number) - 1
      this.#room.leave(waiter.bytes)
    }
  }

  /** After receipts, and when a ring has grown: those that waited go first, then flushes. */
  serve(): void {
    if (this.topic.onFull === 'reject' || this.topic.durability !== 'memory') this.#announceRefused()
    if (this.#waiters.length > 0) this.#serveWaiters()
    this.#flushes.serve(this)
  }

  /** What tryPublish handed over and was not appended: told as an event, and by the next flush. */
  #announceRefused(): void {
    for (const writer of this.#writers) {
      const count = writer.refusedUnobserved
      if (count === 0) continue
      writer.refusedUnobserved = 0
      this.#refusal = writer.diskFailure ?? new FullError(fullText(this.topic.name), undefined)
      this.#surroundings.publishFailed(this.topic.name, writer.partition, count, this.#refusal)
    }
  }

  #serveWaiters(): void {
    const stuck = new Set<number>()
    const left: Waiter[] = []
    const waiters = this.#waiters
    let index = 0
    for (; index < waiters.length; index++) {
      const waiter = waiters[index] as Waiter
      const partition = waiter instanceof PendingPublish ? waiter.message.partition : -1
      if (waiter.done) this.#leave(waiter)
      else if (waiter instanceof PendingBatch) {
        // Everything behind a batch that cannot go on stays behind it.
        if (stuck.size > 0 || !this.#advanceBatch(waiter)) break
        this.#leave(waiter)
      } else if (!stuck.has(partition) && !this.#rings.growing.has(partition) && this.#appendWaiting(waiter))
        this.#leave(waiter)
      else {
        stuck.add(partition)
        left.push(waiter)
      }
    }
    for (; index < waiters.length; index++) left.push(waiters[index] as Waiter)
    this.#waiters = left
    this.#thread.sealAll()
  }

  #appendWaiting(waiter: PendingPublish): boolean {
    try {
      return this.#append(waiter.message, waiter)
    } catch (error) {
      waiter.settle(error as Error)
      return true
    }
  }

  /** Serial of the oldest publish that waits. */
  get oldest(): number {
    return this.#waiters[0]?.serial ?? Number.POSITIVE_INFINITY
  }

  takeRefusal(): Error | null {
    const refusal = this.#refusal
    this.#refusal = null
    return refusal
  }

  get isOpen(): boolean {
    return this.#failure === null
  }

  failWaiting(partition: number, error: Error): void {
    for (const waiter of this.#waiters)
      if (waiter instanceof PendingBatch || waiter.message.partition === partition) waiter.settle(error)
  }

  /** Memory is short: makes up to `most` rings small that nobody uses; returns how many. */
  giveBack(most: number): number {
    return this.#rings.giveBack(this.#writers, most)
  }

  /** Gives up what is overdue and says what has waited for long. */
  sweep(now: number): void {
    const waiting = new Set<Waiter>(this.#waiters)
    for (const writer of this.#writers) writer.pending(observer => waiting.add(observer as Waiter))
    this.#overdue.sweep(waiting, now)
    this.serve()
  }

  #partitionOfWaiter(waiter: Waiter): number {
    return waiter instanceof PendingPublish ? waiter.message.partition : this.#fullest()
  }

  /** Records in frames that have no receipt, and messages that wait; not those of publishes that were answered without one. */
  get unanswered(): number {
    let count = 0
    for (const writer of this.#writers) count += writer.unanswered
    for (const waiter of this.#waiters) {
      if (!waiter.done) count += waiter instanceof PendingBatch ? waiter.messages.length - waiter.next : 1
    }
    return count
  }

  /** What holds the partition with the most on its way, in words; nothing where that is not known. */
  describeHold(): Promise<string> {
    return this.#surroundings.describeHold(this.topic.id, this.#fullest()).catch(() => '')
  }

  #fullest(): number {
    let fullest = this.#writers[0] as PartitionWriter
    for (const writer of this.#writers) if (writer.backlogBytes() > fullest.backlogBytes()) fullest = writer
    return fullest.partition
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
    for (const writer of this.#writers) {
      writer.close()
      this.#thread.ringHost(writer.host)
    }
    this.fail(new MillraceError('MILL_CLOSED', 'the producer is closed'))
  }

  /** Refuses what comes, and fails everything on its way. */
  fail(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#stopListening()
    for (const waiter of this.#waiters) {
      waiter.settle(error)
      this.#leave(waiter)
    }
    this.#waiters = []
    for (const writer of this.#writers) {
      const unobserved = writer.fail(error)
      if (unobserved > 0) this.#surroundings.publishFailed(this.topic.name, writer.partition, unobserved, error)
      for (const ring of [writer.ring, ...writer.takeFormerRings()]) this.#thread.removeWriter(ring)
    }
    this.#flushes.fail(error)
    this.#room.remove(this)
  }
}
