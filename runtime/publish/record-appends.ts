/**
 * Writes the messages of one topic into the open frames of their partitions, as far as they may go there and there is room.
 *
 * The producer's thread. Every record that is published passes here once, and once more each time that it has waited. What finds no
 * room asks for a larger ring (ring-changes.ts); whether it waits is up to the caller. Only `tryPublish` takes a record into the
 * waiting room itself, while its partition moves to a larger ring. Where the producer has a rate, each record that goes takes of it here;
 * replayed dead letters do not.
 */
import { FULL } from 'sharedarraybuffer-ring'
import type { QueueFields } from '../log/format/queue-fields.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { type Codec, isWellFormed } from '../words/codec.ts'
import type { UnpublishedError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Headers, Message, PublishOptions, Receipt } from '../words/message.ts'
import { BatchWriter } from './batch-writer.ts'
import { halfKey } from './checked-message.ts'
import { LonePublish } from './lone-publish.ts'
import { copyOf, MessageEncoder } from './message-encoder.ts'
import type { SendOptions } from './message-fields.ts'
import { writeMessage } from './message-writer.ts'
import type { Waiter } from './overdue.ts'
import { PartitionChoice } from './partition-choice.ts'
import { GROW, type PartitionWriter } from './partition-writer.ts'
import type { PartitionWriters } from './partition-writers.ts'
import type { PendingBatch } from './pending-batch.ts'
import { PendingPublish } from './pending-publish.ts'
import { type PreparedBatch, prepareBatch } from './prepared-batch.ts'
import type { RateGate } from './rate-gate.ts'
import { mayWaitForRate } from './rate-hold.ts'
import { checkRecord, type EncodedMessage, hasRoomFor, type StoredMessage, sizeOfEncoded } from './record-writer.ts'
import type { RingChanges } from './ring-changes.ts'
import { RUN_RECORDS } from './sticky-route.ts'
import type { Unobserved } from './unobserved.ts'
import type { Advance, LineUser, WaitingLine } from './waiting-line.ts'
import type { WaitingRoom } from './waiting-room.ts'
import { producerCodecOf } from './written-json.ts'

/** Room for a header that counts replays. */
const STORED_EXTRA_BYTES = 64
const FOR_EVER: PublishOptions = Object.freeze({ timeoutMs: Number.POSITIVE_INFINITY })

export class RecordAppends implements LineUser {
  /** Why a named producer's record is missing: were later ones appended, it would be taken for published. */
  gap: Error | null = null
  readonly choice: PartitionChoice
  #topic: ProducedTopic
  readonly #encoder: MessageEncoder
  readonly #thread: AttachedThread
  readonly #room: WaitingRoom
  readonly #codec: Codec
  readonly #writers: PartitionWriters
  readonly #line: WaitingLine
  readonly #rings: RingChanges
  readonly #unobserved: Unobserved
  /** Null: the producer has no rate. */
  readonly #gate: RateGate | null
  readonly #batches: BatchWriter

  constructor(
    thread: AttachedThread,
    room: WaitingRoom,
    topic: ProducedTopic,
    writers: PartitionWriters,
    line: WaitingLine,
    rings: RingChanges,
    unobserved: Unobserved,
  ) {
    this.#thread = thread
    this.#room = room
    this.#topic = topic
    this.#codec = producerCodecOf(topic.codec)
    this.#writers = writers
    this.choice = new PartitionChoice(topic.name, writers.all)
    this.#encoder = new MessageEncoder(this.#codec, this.choice)
    this.#line = line
    this.#rings = rings
    this.#unobserved = unobserved
    this.#gate = line.gate
    this.#batches = new BatchWriter(thread, writers.all, rings, this.choice)
  }

  get topic(): ProducedTopic {
    return this.#topic
  }

  /** The topic has more partitions, for which there are writers by now. */
  grown(topic: ProducedTopic): void {
    this.#topic = topic
    this.choice.grown()
  }

  /** The receipt of a single publish without options that goes into a frame at once; else what is to wait for that. */
  publish(message: Message): Promise<Receipt> | EncodedMessage {
    const encoder = this.#encoder
    encoder.read(message, this.#topic)
    const { partition, fields } = encoder
    if (!this.#goesAtOnce(partition, fields)) return encoder.copy()
    const writer = this.#writers.all[partition] as PartitionWriter
    if (this.#write(encoder, writer) !== 0) return encoder.copy()
    return this.#receiptOf(message, writer, false) as Promise<Receipt>
  }

  /** A message with a key and a value, and no more, that an exchange has routed here alone; it holds until the next is read. */
  readRouted(message: Message, header: Headers): EncodedMessage {
    this.#encoder.readRouted(message, this.#topic, header)
    return this.#encoder
  }

  /** The receipt of a message that an exchange has encoded for here alone; null: it does not go into a frame at once. */
  publishRouted(encoded: EncodedMessage, message: Message): Promise<RouteReceipt> | null {
    const { partition, fields } = encoded
    if (!this.#goesAtOnce(partition, fields)) return null
    const writer = this.#writers.all[partition] as PartitionWriter
    if (this.#write(encoded, writer) !== 0) return null
    return this.#receiptOf(message, writer, true) as Promise<RouteReceipt>
  }

  /** Of the record just written, a single publish that has nothing of its own. `isRouted`: an exchange has sent it. */
  #receiptOf(original: Message, writer: PartitionWriter, isRouted: boolean): Promise<Receipt | RouteReceipt> {
    if (this.#topic.frameRecords !== 1) return writer.runOf(this.#topic, this.#room, isRouted).add(original)
    const lone = new LonePublish(this.#topic, this.#room, writer.partition, isRouted, original)
    writer.observe(lone)
    return lone.receipt
  }

  /** Nothing holds a single publish up. What has an id may be there already, and is answered by itself. */
  #goesAtOnce(partition: number, fields: QueueFields | null): boolean {
    return this.#gate === null && (fields === null || fields.id === null) && this.#mayAppend(partition)
  }

  encode(message: Message, options: SendOptions): EncodedMessage {
    this.#encoder.read(message, this.#topic, options)
    return this.#encoder.copy()
  }

  /** `mayWait`: the record may also wait for its partition's larger ring. */
  tryPublish(message: Message, mayWait: boolean): boolean {
    this.#encoder.read(message, this.#topic)
    let encoded: EncodedMessage = this.#encoder
    const { partition } = encoded
    if (this.#gate !== null && this.#gate.room === 0) {
      // Whom receipts are told may publish as well: what is read then is another message.
      encoded = this.#encoder.copy()
      // As below, of a caller that never yields.
      this.#thread.sealAll()
      this.#gate.openIfDue()
      if (this.#gate.room === 0) return false
    }
    if (!this.#mayAppend(partition)) return mayWait && this.#waitForRing(copyOf(encoded), message)
    const writer = this.#writers.all[partition] as PartitionWriter
    let said = this.#write(encoded, writer)
    if (said === FULL) {
      encoded = copyOf(encoded)
      // A caller that never yields still lets the host see its frames, and sees its receipts here.
      this.#thread.sealAll()
      this.#thread.ringHost(writer.host, writer.ring)
      if (!this.#thread.drain() || !this.#mayAppend(partition) || this.#gate?.room === 0) return false
      said = this.#write(encoded, writer)
    }
    if (said !== 0) {
      this.#rings.need(writer, said, sizeOfEncoded(encoded))
      return said === GROW && mayWait && this.#waitForRing(copyOf(encoded), message)
    }
    if (this.#gate !== null) this.#gate.took(1)
    return true
  }

  /** Takes a record that nobody observes into the waiting room, if it waits for nothing but a larger ring. */
  #waitForRing(encoded: EncodedMessage, message: Message): boolean {
    const { partition } = encoded
    if (this.#line.hasBatches || !this.#rings.growing.has(partition)) return false
    this.#check(encoded)
    const serial = this.#line.serial + 1
    const lost = (error: Error): void => this.#unobserved.lostWaiting(partition, serial, error)
    const pending = new PendingPublish(this.#topic, this.#room, encoded, message, FOR_EVER, () => undefined, lost)
    pending.isTaken = true
    return this.#line.take(pending)
  }

  encodeStored(stored: StoredMessage): EncodedMessage {
    const partition = this.choice.of(stored.partition, stored.key, stored.value, stored, RUN_RECORDS)
    return { ...stored, partition, extraBytes: STORED_EXTRA_BYTES }
  }

  /** All messages of a batch, or why none of it is published. */
  prepare(messages: readonly Message[]): PreparedBatch | UnpublishedError {
    return prepareBatch(messages, this.#codec, this.#topic, this.choice)
  }

  /** False: something has to go first, or there is no room. */
  appendAtOnce(pending: PendingPublish): boolean {
    const { message } = pending
    return this.#mayAppend(message.partition, pending.isFree) && this.#append(message, pending)
  }

  /** Nothing that came before it has to go first. What no rate holds (`isFree`) goes before what one holds. */
  #mayAppend(partition: number, isFree = false): boolean {
    const isFirst = this.#line.passes(partition) || (isFree && this.#line.passesFree)
    return isFirst && (this.#rings.growing.size === 0 || !this.#rings.growing.has(partition))
  }

  /**
   * Whether the rate holds what comes now. One that may not wait for that is refused.
   *
   * @throws MillraceError MILL_TOO_LARGE, MILL_UNSERIALISABLE: it could not go after its wait either
   */
  holds(waiter: Waiter): boolean {
    const gate = this.#gate
    if (gate === null || (waiter instanceof PendingPublish && waiter.isFree)) return false
    gate.openIfDue()
    if (gate.room > 0) return false
    if (waiter instanceof PendingPublish) this.#check(waiter.message)
    return mayWaitForRate(waiter, gate, this.#topic)
  }

  /** What writing it would find out. */
  #check({ key, value, headers, extraBytes }: EncodedMessage): void {
    if (typeof key === 'string' && !isWellFormed(key)) throw halfKey()
    checkRecord(key, value, headers, this.#topic.maxMessageBytes + extraBytes)
  }

  /** False: there is no room for it yet. */
  #append(message: EncodedMessage, observer: PendingPublish): boolean {
    const writer = this.#writers.all[message.partition] as PartitionWriter
    const said = this.#write(message, writer)
    if (said !== 0) this.#rings.need(writer, said, sizeOfEncoded(message))
    if (said !== 0) return false
    writer.observe(observer)
    if (this.#gate !== null && !observer.isFree) this.#gate.took(1)
    return true
  }

  /** 0, or what `reserve` said. */
  #write(message: EncodedMessage, writer: PartitionWriter): number {
    const { key, value, headers, timestamp, fields, extraBytes } = message
    const { memory } = this.#thread
    const max = this.#topic.maxMessageBytes + extraBytes
    const said = writeMessage(memory, writer, key, value, headers, timestamp, max, fields, true)
    if (said === 0 && !writer.dirty) this.#thread.markDirty(writer)
    return said
  }

  /** What finds its partition full waits for room, and not for the rate. */
  advancePublish(waiter: PendingPublish): Advance {
    const { message } = waiter
    const gate = this.#gate
    if (gate !== null && !waiter.isFree && gate.room === 0) {
      if (!hasRoomFor(this.#writers.all[message.partition] as PartitionWriter, message)) return 'full'
      return mayWaitForRate(waiter, gate, this.#topic) ? 'held' : 'over'
    }
    try {
      return this.#append(message, waiter) ? 'over' : 'full'
    } catch (error) {
      waiter.settle(error as Error)
      return 'over'
    }
  }

  /** Appends what fits, and what the rate allows. */
  advanceBatch(batch: PendingBatch): Advance {
    const { messages } = batch
    if (batch.sequences !== null && this.gap !== null) {
      batch.settle(this.gap)
      return 'over'
    }
    const first = batch.next
    const end = this.#gate === null ? messages.length : Math.min(messages.length, first + this.#gate.room)
    try {
      if (!this.#batches.write(batch, end, this.#topic.maxMessageBytes)) {
        this.#thread.sealAll()
        return 'full'
      }
    } catch (error) {
      batch.settle(error as Error)
      return 'over'
    } finally {
      this.#gate?.took(batch.next - first)
    }
    if (this.#gate !== null && end < messages.length) {
      this.#thread.sealAll()
      return mayWaitForRate(batch, this.#gate, this.#topic) ? 'held' : 'over'
    }
    batch.settleIfComplete()
    return 'over'
  }
}
