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
import { nowMs } from '../../actors/world.ts'
import { DeliveryReader } from '../link/delivery-reader.ts'
import type { FailHow } from '../link/link.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { deliveryPlace } from '../wire/delivery-places.ts'
import { QUEUE_SLOT_CLAIMS } from '../wire/layout.ts'
import type { Assignment } from '../wire/places.ts'
import type { ConsumerShape } from '../wire/queue-places.ts'
import type { ErrorWire } from '../words/errors.ts'
import { ConsumerSlot } from './consumer-slot.ts'
import { LINK_RETRY_MS, LinkRetry } from './link-retry.ts'
import { type Request, requestIn } from './message-request.ts'
import { QueueConfirmations } from './queue-confirmations.ts'
import type { HandedMessage } from './queue-delivery.ts'
import { lateRequest, QueueSettlements, type SentReply } from './queue-settlements.ts'
import { TakenMessages } from './taken-messages.ts'

/** Ends that the queue is not told of, at most: they are room for other messages, and a host that waits for more is slower. */
const TOLD_MAX = 256
/** A queue with other consumers is rung after this long. */
const SHARED_MS = 2

export class QueueReader {
  readonly assignment: Assignment
  readonly slot: ConsumerSlot
  /** Deliveries that it may have unsettled, at most. */
  readonly prefetchMax: number
  readonly #thread: Pick<AttachedThread, 'askHost' | 'tellHost' | 'reports'>
  readonly #ring: DeliveryReader
  readonly #claims: ClaimReceiver
  readonly #settlements: QueueSettlements
  /** What was taken and not begun, and the message that `next`, `pass` or `peek` moved to. */
  readonly message: TakenMessages
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
  /** Whether something came in since the queue was to be rung for those. */
  #hasHeard = false
  readonly #late = new LinkRetry(() => this.#rungLate())
  readonly #confirmations = new QueueConfirmations(() => this.#ask())
  #isAsking = false
  #isClosed = false

  constructor(
    thread: Pick<AttachedThread, 'memory' | 'address' | 'settle' | 'reply' | 'askHost' | 'tellHost' | 'reports'>,
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
    this.message = new TakenMessages(topic, assignment.place.partition)
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
    this.#hasHeard = true
    for (let fetch = ring.take(); fetch !== null; fetch = ring.take()) this.message.keep(fetch)
    // What ended says that there is room, but what was taken may last for long.
    if (ring.mayHaveStopped) this.#isAsking = true
  }

  /** Messages taken and not begun. */
  get waiting(): number {
    return this.message.waiting
  }

  /** Moves to the message that `next` begins with, and does not take it; false: there is none. */
  peek(): boolean {
    return this.message.peek()
  }

  /** Moves to the next message without beginning it; false: there is none. */
  pass(): boolean {
    return this.message.pass()
  }

  /** Moves to the next message that the queue has not taken back, and begins it; false: there is none. */
  next(): boolean {
    while (this.message.pass()) if (this.beginThis()) return true
    return false
  }

  /** Begins the message that it moved to; false: the queue has taken it back, or its sender waits no more for the answer. */
  beginThis(): boolean {
    const { message } = this
    return this.begin(message.tag) && !(message.isRequest && this.isLate(message, requestIn(message.frame, message.at)))
  }

  /** A request has begun: whether its deadline is over. Then it ends here, and counts as cancelled. */
  isLate({ tag, offset }: HandedMessage, request: Request | null): boolean {
    if (request === null || request.deadlineMs > nowMs()) return false
    if (!this.#isClosed) this.#settlements.send(lateRequest(offset, tag))
    return true
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
    while (this.message.pass()) this.yield(this.message.tag)
  }

  /** It failed, or was rejected: the queue says what becomes of it. `delayMs`: the wait that its consumer asks for. */
  settle({ tag, offset }: HandedMessage, how: FailHow, error: ErrorWire, delayMs: number | null = null): void {
    if (!this.#isClosed) this.#settlements.send({ offset, how, tags: [tag], delayMs, error })
  }

  /** A request is done, and its sender gets this: an ack. `tag` 0: it was acked before. */
  reply(offset: number, tag: number, answer: SentReply): void {
    const tags = tag === 0 ? [] : [tag]
    if (!this.#isClosed) this.#settlements.send({ offset, how: 'replied', tags, delayMs: null, error: null, answer })
  }

  /** It failed, and was acked before its handler was called: the queue is told. */
  lost({ offset }: HandedMessage, how: FailHow, error: ErrorWire): void {
    if (!this.#isClosed) this.#settlements.send({ offset, how, tags: [], delayMs: null, error })
  }

  /** A batch failed as a whole: its messages come again in two parts, and none of them has failed. */
  halve(batch: readonly HandedMessage[]): void {
    const offset = (batch[0] as HandedMessage).offset
    if (!this.#isClosed)
      this.#settlements.send({
        offset,
        how: 'halved',
        tags: batch.map(({ tag }) => tag),
        delayMs: null,
        error: null,
      })
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

  /** Whether the queue has more, and hands it out as soon as it sees what was ended. */
  get isAnswered(): boolean {
    return !this.#isClosed && this.prefetch > 0 && this.slot.hasBacklog
  }

  /** At the end of a turn: the queue finds what was ended. It is rung only if something waits for that, or later; whether there was any. */
  tell(): boolean {
    if (!this.owes) return false
    if (this.#isAsking || this.#ended >= this.#tellAt) return this.flush()
    this.#claims.publish()
    if (this.slot.hasBacklog) return this.flush()
    if (this.#told === 0) this.#hasHeard = false
    this.#told = this.#ended
    this.#thread.tellHost(this.assignment.place.host, this.assignment.cursor)
    this.#late.soon(this.#lateMs)
    return true
  }

  /** Another consumer may have in advance what this one could begin: the queue is to see that it has nothing to do. */
  get #lateMs(): number {
    return this.slot.isShared ? SHARED_MS : LINK_RETRY_MS
  }

  /** While the queue hands out it is awake, and finds what was ended by itself. */
  #rungLate(): void {
    if (!this.#hasHeard) this.flush()
    else if (this.#told > 0) this.#late.soon(this.#lateMs)
    this.#hasHeard = false
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
    const { place, cursor } = this.assignment
    // The host acts upon it when it is asked, and may look before that.
    if (!this.#isClosed && this.#claims.publish()) this.#thread.tellHost(place.host, cursor)
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
    this.message.clear()
  }
}

function consumerOf({ consumer }: Assignment): ConsumerShape {
  if (consumer === undefined) throw new Error('broken invariant: a reader of a queue was given a partition of a stream')
  return consumer
}
