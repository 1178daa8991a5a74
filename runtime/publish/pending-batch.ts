/** A batch from its call to its last receipt: appended in order, as far as there is room. Settles once. */
import { nowMs } from '../../actors/world.ts'
import { FullError, MillraceError, UnpublishedError } from '../errors.ts'
import type { BatchReceipt, Message, OffsetRange, PublishOptions } from '../types.ts'
import type { FrameObserver, PartitionWriter } from './partition-writer.ts'
import { deadlineOf, fullText } from './pending-publish.ts'
import type { ProducedTopic } from './topic-producer.ts'
import type { WaitingRoom } from './waiting-room.ts'

interface GrowingRange {
  readonly partition: number
  readonly baseOffset: number
  count: number
}

export class PendingBatch implements FrameObserver {
  messages: readonly Message[]
  /** Of a named producer: the number of each message. */
  readonly sequences: readonly number[] | null
  readonly since: number
  /** Order among everything that waits in its topic; set when it starts to wait. */
  serial = 0
  /** Index of the first message that is not in a frame. */
  next = 0
  done = false
  #unanswered = 0
  /** Indexes of the messages on their way, by partition, oldest first; kept only where a partition may refuse. */
  readonly #onTheWay: Map<number, number[]> | null
  readonly #refused: number[] = []
  readonly #ranges: GrowingRange[] = []
  readonly #latest = new Map<number, GrowingRange>()
  readonly #topic: ProducedTopic
  readonly #room: WaitingRoom
  /** When it is overdue, in performance.now time. */
  readonly deadline: number
  readonly #resolve: (receipt: BatchReceipt) => void
  readonly #reject: (error: Error) => void
  readonly #signal: AbortSignal | undefined

  constructor(
    topic: ProducedTopic,
    room: WaitingRoom,
    messages: readonly Message[],
    mayBeRefused: boolean,
    sequences: readonly number[] | null,
    options: PublishOptions,
    resolve: (receipt: BatchReceipt) => void,
    reject: (error: Error) => void,
  ) {
    this.#topic = topic
    this.#room = room
    this.messages = messages
    this.sequences = sequences
    this.#onTheWay = mayBeRefused ? new Map() : null
    this.since = nowMs()
    this.deadline = deadlineOf(options, this.since)
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = options.signal
    this.#signal?.addEventListener('abort', this.#aborted)
    room.unsettled()
  }

  readonly #aborted = (): void => {
    this.settle(new MillraceError('MILL_ABORTED', 'it was aborted', { cause: this.#signal?.reason }))
  }

  /** The message at `next` went into a frame. */
  took(partition: number): void {
    if (this.#onTheWay !== null) {
      const indexes = this.#onTheWay.get(partition) ?? []
      indexes.push(this.next)
      this.#onTheWay.set(partition, indexes)
    }
    this.next++
    this.#unanswered++
  }

  appended(writer: PartitionWriter, baseOffset: number, first: number, count: number): void {
    const from = baseOffset + first
    const last = this.#latest.get(writer.partition)
    if (last !== undefined && last.baseOffset + last.count === from) last.count += count
    else {
      const range = { partition: writer.partition, baseOffset: from, count }
      this.#latest.set(writer.partition, range)
      this.#ranges.push(range)
    }
    this.#onTheWay?.get(writer.partition)?.splice(0, count)
    this.#unanswered -= count
    this.settleIfComplete()
  }

  refused(writer: PartitionWriter, count: number): void {
    this.#refused.push(...(this.#onTheWay?.get(writer.partition)?.splice(0, count) ?? []))
    this.#unanswered -= count
    this.settleIfComplete()
  }

  failed(count: number, error: Error): void {
    this.#unanswered -= count
    this.settle(error)
  }

  /** It is going to wait: from now on the caller's array is the caller's. */
  own(): void {
    this.messages = this.messages.slice()
  }

  /** Its time is over; `hold` says what holds it, or nothing. */
  expire(hold: string): void {
    const took = `it took longer than ${Math.round(this.deadline - this.since)} ms${hold === '' ? '' : `; ${hold}`}`
    this.settle(new MillraceError('MILL_TIMEOUT', took, { retriable: true }))
  }

  settleIfComplete(): void {
    if (this.done || this.#unanswered > 0 || this.next < this.messages.length) return
    if (this.#refused.length > 0) {
      const refused = this.#refused.sort((a, b) => a - b).map(index => this.messages[index] as Message)
      this.#fail(refused, new FullError(fullText(this.#topic.name), refused[0]))
      return
    }
    this.#finish()
    const ranges: readonly OffsetRange[] = this.#ranges
    this.#resolve({ count: this.messages.length, ranges, durability: this.#topic.durability })
  }

  settle(cause: Error): void {
    if (this.done) return
    const refused = this.#refused.sort((a, b) => a - b).map(index => this.messages[index] as Message)
    this.#fail([...refused, ...this.messages.slice(this.next)], cause)
  }

  #fail(unpublished: readonly Message[], cause: Error): void {
    this.#finish()
    const doubt = this.#unanswered > 0 ? ` (${this.#unanswered} more are in the ring and may still be appended)` : ''
    this.#reject(
      new UnpublishedError(
        `${unpublished.length} of ${this.messages.length} messages were not published to topic ${this.#topic.name}${doubt}: ${cause.message}`,
        unpublished,
        cause,
      ),
    )
  }

  #finish(): void {
    this.done = true
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.#room.settled()
  }
}
