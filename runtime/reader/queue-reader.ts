/**
 * A consumer of a queue, on its own end: takes what the queue hands out, begins it, and says how each ended.
 *
 * The consumer's thread. It owns one slot for one epoch. A message that was taken and not begun is still the queue's, which may hand
 * it to somebody else: `next` passes over those. Acks are words of the slot; all else goes through the link. What was ended is told to
 * the queue by `flush`: at the end of a turn, and as soon as half of what may be unsettled has ended, or TOLD_MAX.
 *
 * Bound: the consumer's prefetch, which the queue keeps. No call waits.
 */
import { ClaimReceiver } from 'sharedarraybuffer-ring'
import { type DeliveryFetch, DeliveryReader, type TakenDelivery } from '../link/delivery-reader.ts'
import { DELIVERY_SUSPECT } from '../link/delivery-writer.ts'
import type { SettleHow } from '../link/link.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { deliveryPlace } from '../wire/delivery-places.ts'
import { QUEUE_SLOT_CLAIMS } from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import type { ConsumerShape } from '../wire/queue-places.ts'
import { type Codec, codecOf } from '../words/codec.ts'
import type { ErrorWire } from '../words/errors.ts'
import { ConsumerSlot } from './consumer-slot.ts'
import { FetchedBytes } from './fetched-bytes.ts'
import { LinkRetry } from './link-retry.ts'
import { QueueConfirmations } from './queue-confirmations.ts'
import type { QueueFrame, QueueMessageRef } from './queue-delivery.ts'
import { QueueSettlements } from './queue-settlements.ts'

/** Ends that the queue is not told of, at most: they are room for other messages, and a host that waits for more is slower. */
const TOLD_MAX = 256

/** Whether a message goes alone: it failed before, or may have ended its thread. */
export function goesAlone({ failedAttempts, flags }: TakenDelivery): boolean {
  return failedAttempts > 0 || (flags & DELIVERY_SUSPECT) !== 0
}

/** A fetch of which some messages have not begun. */
interface Portion {
  readonly deliveries: readonly TakenDelivery[]
  frame: QueueFrame
}

export class QueueReader implements QueueMessageRef {
  readonly assignment: Assignment
  readonly slot: ConsumerSlot
  /** Deliveries that it may have unsettled, at most. */
  readonly prefetchMax: number
  readonly #thread: Pick<AttachedThread, 'askHost' | 'tellHost' | 'reports'>
  readonly #ring: DeliveryReader
  readonly #claims: ClaimReceiver
  readonly #settlements: QueueSettlements
  readonly #codec: Codec
  readonly #portions: Portion[] = []
  /** Index of the next message in the first portion. */
  #next = 0
  /** Messages taken and not begun. */
  waiting = 0
  /** Messages begun and not ended. */
  begun = 0
  /** Messages ended so far, but for those that were not begun. */
  handled = 0
  /** As the queue was told last. */
  prefetch = 0
  /** Ended, and not told of; at so many the queue is told. */
  #ended = 0
  #tellAt = 0
  /** Of those that ended, so many can be found, and the queue was not rung. */
  #told = 0
  readonly #late = new LinkRetry(() => this.flush())
  readonly #confirmations = new QueueConfirmations(() => this.#ask())
  #isAsking = false
  #isClosed = false
  /** The message that `next` or `pass` moved to. */
  taken!: TakenDelivery
  frame: QueueFrame
  at = 0

  constructor(
    thread: Pick<AttachedThread, 'memory' | 'address' | 'settle' | 'askHost' | 'tellHost' | 'reports'>,
    assignment: Assignment,
  ) {
    const { memory } = thread
    const { slot, epoch, topic } = assignment
    const { entries, ringCapacity, prefetch } = consumerOf(assignment)
    const at = deliveryPlace(epoch, slot + QUEUE_SLOT_CLAIMS, entries, ringCapacity)
    this.assignment = assignment
    this.slot = new ConsumerSlot(memory, slot, thread.address)
    this.prefetchMax = prefetch
    this.#thread = thread
    this.#ring = new DeliveryReader(memory, at)
    this.#claims = new ClaimReceiver(memory, at.claims, at.entries)
    this.#settlements = new QueueSettlements(thread, assignment, ({ tags }) => this.#sent(tags))
    this.#codec = codecOf(topic.codec)
    this.frame = this.#frameOf(Buffer.alloc(0), 0)
  }

  #frameOf(buffer: Buffer, baseTimestamp: number): QueueFrame {
    const { topic, place } = this.assignment
    return {
      buffer,
      bytes: new FetchedBytes(buffer),
      words: new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2),
      codec: this.#codec,
      topic: topic.name,
      partition: place.partition,
      baseTimestamp,
      queueId: topic.id,
    }
  }

  // -- what comes in ----------------------------------------------------------------------------------------------

  /** Whether `fill` would find something. */
  get hasUnread(): boolean {
    return !this.#isClosed && this.#ring.ready()
  }

  /** Empties the ring, so that it has room again however long a handler takes. */
  fill(): void {
    if (!this.hasUnread) return
    const ring = this.#ring
    for (let fetch = ring.take(); fetch !== null; fetch = ring.take()) this.#keep(fetch)
    // What ended says that there is room, but what was taken may last for long.
    if (ring.mayHaveStopped) this.#isAsking = true
  }

  #keep({ bytes, deliveries }: DeliveryFetch): void {
    if (deliveries.length === 0) return
    this.#portions.push({ deliveries, frame: this.#frameOf(bytes, (deliveries[0] as TakenDelivery).timestamp) })
    this.waiting += deliveries.length
  }

  /** The message that `next` begins with; null: there is none. */
  peek(): TakenDelivery | null {
    return this.#portions[0]?.deliveries[this.#next] ?? null
  }

  /** Moves to the next message without beginning it; false: there is none. */
  pass(): boolean {
    const portion = this.#portions[0]
    if (portion === undefined) return false
    const { deliveries } = portion
    const taken = deliveries[this.#next++] as TakenDelivery
    this.waiting--
    this.taken = taken
    // Those behind it mostly have the same.
    if (portion.frame.baseTimestamp !== taken.timestamp)
      portion.frame = { ...portion.frame, baseTimestamp: taken.timestamp }
    this.frame = portion.frame
    this.at = taken.start
    if (this.#next === deliveries.length) {
      this.#portions.shift()
      this.#next = 0
    }
    return true
  }

  /** Moves to the next message that the queue has not taken back, and begins it; false: there is none. */
  next(): boolean {
    while (this.pass()) if (this.begin(this.taken.tag)) return true
    return false
  }

  /** A consumer is about to get it; false: the queue has taken it back. */
  begin(tag: number): boolean {
    if (this.#isClosed) return false
    if (this.#claims.begin(tag)) {
      this.begun++
      return true
    }
    this.#ended++
    return false
  }

  // -- how it ended -----------------------------------------------------------------------------------------------

  /** It is done. Nothing happens if it has ended already. */
  ack(tag: number): void {
    if (!this.#isClosed && this.#claims.ack(tag)) this.#over()
  }

  /** It goes back to its place, without a failure. */
  release(tag: number): void {
    if (!this.#isClosed && this.#claims.release(tag)) this.#over()
  }

  /** It goes back to its place, and was not begun. */
  yield(tag: number): void {
    if (this.#isClosed) return
    this.#claims.yield(tag)
    this.#ended++
  }

  /** All that was taken and not begun goes back. */
  yieldAll(): void {
    while (this.pass()) this.yield(this.taken.tag)
  }

  /** It failed, or was rejected: the queue says what becomes of it. */
  settle({ tag, offset }: TakenDelivery, how: Exclude<SettleHow, 'halved'>, error: ErrorWire): void {
    if (!this.#isClosed) this.#settlements.send({ offset, how, tags: [tag], error })
  }

  /** It failed, and was acked before its handler was called: the queue is told. */
  lost({ offset }: TakenDelivery, how: Exclude<SettleHow, 'halved'>, error: ErrorWire): void {
    if (!this.#isClosed) this.#settlements.send({ offset, how, tags: [], error })
  }

  /** A batch failed as a whole: its messages come again in two parts, and none of them has failed. */
  halve(batch: readonly TakenDelivery[]): void {
    const offset = (batch[0] as TakenDelivery).offset
    if (!this.#isClosed)
      this.#settlements.send({ offset, how: 'halved', tags: batch.map(({ tag }) => tag), error: null })
  }

  #sent(tags: readonly number[]): void {
    for (const tag of tags) if (this.#claims.report(tag)) this.#over()
  }

  #over(): void {
    this.begun--
    this.handled++
    if (++this.#ended >= this.#tellAt) this.flush()
  }

  /** Whether this has begun and not ended. */
  isBegun(tag: number): boolean {
    return !this.#isClosed && this.#claims.isBegun(tag)
  }

  // -- what the queue is told -------------------------------------------------------------------------------------

  /** Asks to have so many unsettled; 0: none, it pauses. */
  want(deliveries: number): void {
    if (this.#isClosed || deliveries === this.prefetch) return
    this.prefetch = deliveries
    this.#tellAt = Math.min(deliveries >> 1, TOLD_MAX)
    this.slot.want(deliveries)
    this.#isAsking = true
  }

  /** Whether there is something that the queue does not know. */
  get owes(): boolean {
    return !this.#isClosed && (this.#ended > this.#told || this.#isAsking)
  }

  /** At the end of a turn: the queue finds what was ended. It is rung only if something waits for that, or later; whether there was any. */
  tell(): boolean {
    if (!this.owes) return false
    if (this.#isAsking || this.#ended >= this.#tellAt) return this.flush()
    this.#claims.publish()
    if (this.slot.hasBacklog) return this.flush()
    this.#told = this.#ended
    this.#thread.tellHost(this.assignment.place.host, this.assignment.cursor)
    this.#late.soon()
    return true
  }

  /** Lets the queue look at what was ended, and at what is asked for; whether there was anything. */
  flush(): boolean {
    if (this.#isClosed || (this.#ended === 0 && !this.#isAsking)) return false
    this.#ended = 0
    this.#told = 0
    this.#isAsking = false
    this.#claims.publish()
    this.#ring.asked()
    const { place, cursor } = this.assignment
    this.#thread.askHost(place.host, cursor)
    return true
  }

  /** Resolves when all that was said before is as durable as the queue. @throws MillraceError MILL_DISK, MILL_TOPIC_DELETED, MILL_CLOSED */
  confirm(): Promise<void> {
    return this.#confirmations.confirm()
  }

  async #ask(): Promise<void> {
    await this.drained()
    if (!this.#isClosed) this.#claims.publish()
    await this.#thread.reports.confirm(this.assignment.topic.id, this.assignment.cursor)
  }

  /** Resolves when all settlements are on their way, or nothing of it counts any more. */
  drained(): Promise<void> {
    return this.#settlements.drained()
  }

  /** Nothing is taken, begun or said any more. */
  close(): void {
    this.#isClosed = true
    this.#late.close()
    this.#settlements.close()
    this.#portions.length = 0
    this.waiting = 0
  }
}

function consumerOf({ consumer }: Assignment): ConsumerShape {
  if (consumer === undefined) throw new Error('broken invariant: a reader of a queue was given a partition of a stream')
  return consumer
}
