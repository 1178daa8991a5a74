/** A batch from its call to its last receipt: appended in order, as far as there is room. Settles once. */
import { nowMs } from '../../actors/world.ts'
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import { type ProducedTopic, titleOf } from '../wire/produced-topic.ts'
import { FullError, MillraceError, UnpublishedError } from '../words/errors.ts'
import type { BatchReceipt, Message, OffsetRange, PublishOptions } from '../words/message.ts'
import { messageId } from './append-receipt.ts'
import type { Answerer, FrameObserver } from './frame-tickets.ts'
import { textOfId } from './message-fields.ts'
import type { PreparedBatch } from './prepared-batch.ts'
import { deadlineOf, fullText, PUBLISH_TIMEOUT_MS } from './publish-ends.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** The receipt of a batch that was sent to a queue. */
export interface SentBatch extends BatchReceipt {
  readonly ids: readonly string[]
  readonly duplicates: readonly number[]
}

/** In place of an offset: these messages were refused. */
const REFUSED = -1
/** Numbers of an answer: its partition, the offset of its first message, and how many messages. */
const ANSWER = 3

interface GrowingRange {
  readonly partition: number
  readonly baseOffset: number
  count: number
}

export class PendingBatch implements FrameObserver {
  messages: readonly Message[]
  readonly prepared: PreparedBatch
  /** Of a named producer: the number of each message. */
  readonly sequences: readonly number[] | null
  /** What it keeps in the waiting room. */
  bytes = 0
  readonly since: number
  /** Since when it waits for room or for receipts; Infinity: it waits for its rate. */
  roomSince: number
  /** Order among everything that waits in its topic; set when it starts to wait. */
  serial = 0
  /** Index of the first message that is not in a frame. */
  next = 0
  done = false
  #unanswered = 0
  /** Messages that were answered with an offset, and which of them were there already. */
  #taken = 0
  readonly #duplicates: number[] = []
  /** ANSWER numbers each. A partition answers in the order in which it took the messages; looked at when all is known. */
  readonly #answers: number[] = []
  #isRefused = false
  /** Why nothing more of it goes. */
  #refusal: Error | null = null
  readonly #topic: ProducedTopic
  readonly #room: WaitingRoom
  readonly #timeoutMs: number | undefined
  readonly #resolve: (receipt: BatchReceipt) => void
  readonly #reject: (error: Error) => void
  readonly #signal: AbortSignal | undefined

  constructor(
    topic: ProducedTopic,
    room: WaitingRoom,
    messages: readonly Message[],
    prepared: PreparedBatch,
    sequences: readonly number[] | null,
    options: PublishOptions,
    resolve: (receipt: BatchReceipt) => void,
    reject: (error: Error) => void,
  ) {
    this.#topic = topic
    this.#room = room
    this.messages = messages
    this.prepared = prepared
    this.sequences = sequences
    this.since = nowMs()
    this.roomSince = this.since
    this.#timeoutMs = options.timeoutMs
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = options.signal
    if (this.#signal !== undefined) onAbort(this.#signal, this.#aborted)
    room.unsettled()
  }

  /** Of several. */
  get partition(): null {
    return null
  }

  /** When it is overdue, in performance.now time. */
  get deadline(): number {
    return deadlineOf(this.#timeoutMs, this.since, this.roomSince)
  }

  readonly #aborted = (): void => {
    this.settle(new MillraceError('MILL_ABORTED', 'it was aborted', { cause: this.#signal?.reason }))
  }

  /** The message at `next` went into a frame. */
  took(partition: number): void {
    this.prepared.partitions[this.next++] = partition
    this.#unanswered++
  }

  /** The same of those up to an index, where they were to go. */
  tookUpTo(next: number): void {
    this.#unanswered += next - this.next
    this.next = next
  }

  appended(writer: Answerer, baseOffset: number, first: number, count: number, isDuplicate: boolean): void {
    const from = baseOffset + first
    // A queue has one partition, which answers in the order of the messages.
    if (isDuplicate) for (let message = 0; message < count; message++) this.#duplicates.push(this.#taken + message)
    this.#taken += count
    this.#answered(writer.partition, from, count)
  }

  refused(writer: Answerer, count: number): void {
    this.#isRefused = true
    this.#answered(writer.partition, REFUSED, count)
  }

  #answered(partition: number, from: number, count: number): void {
    this.#answers.push(partition, from, count)
    this.#unanswered -= count
    this.settleIfComplete()
  }

  /** What became of it is not known: it may have been kept. */
  failed(count: number, error: Error): void {
    this.#unanswered -= count
    this.settle(error)
  }

  /** It is going to wait, and takes so many bytes: the caller's array, and all bytes in it, are the caller's from now on. */
  own(bytes: number): void {
    this.bytes = bytes
    this.messages = this.messages.slice()
    this.prepared.own(this.next, this.#room.pieces)
  }

  /** It waits no more: what has not gone goes no more. */
  left(): void {
    this.prepared.release()
    this.#room.leaveBatch(this.bytes)
  }

  /** Its time is over; `hold` says what holds it, or nothing. */
  expire(hold: string): void {
    const took = `it took longer than ${Math.round(this.#timeoutMs ?? PUBLISH_TIMEOUT_MS)} ms${hold === '' ? '' : `; ${hold}`}`
    this.settle(new MillraceError('MILL_TIMEOUT', took, { retriable: true }))
  }

  /** Nothing more of it goes: it is answered when that which went is. */
  refuseRest(error: Error): void {
    this.#refusal = error
    this.settleIfComplete()
  }

  settleIfComplete(): void {
    if (this.done || this.#unanswered > 0) return
    if (this.#refusal !== null) this.settle(this.#refusal)
    if (this.done || this.next < this.messages.length) return
    if (this.#isRefused) {
      this.settle(new FullError(fullText(this.#topic), this.#fates().refused[0]))
      return
    }
    this.#finish()
    const ranges = this.#ranges()
    const receipt = { count: this.messages.length, ranges, durability: this.#topic.durability }
    this.#resolve(this.#topic.queue === undefined ? receipt : this.#sent(receipt))
  }

  #sent(receipt: BatchReceipt): SentBatch {
    const ids: string[] = []
    for (const { baseOffset, count } of receipt.ranges)
      for (let offset = baseOffset; offset < baseOffset + count; offset++)
        ids.push(textOfId(this.prepared.fieldsOf(ids.length)) ?? messageId(this.#topic.id, offset))
    return { ...receipt, ids, duplicates: this.#duplicates }
  }

  /** Where all of it is, when none was refused: what follows on in a partition is one range. */
  #ranges(): OffsetRange[] {
    const answers = this.#answers
    const ranges: GrowingRange[] = []
    const latest: GrowingRange[] = []
    for (let at = 0; at < answers.length; at += ANSWER) {
      const partition = answers[at] as number
      const baseOffset = answers[at + 1] as number
      const count = answers[at + 2] as number
      const last = latest[partition]
      if (last !== undefined && last.baseOffset + last.count === baseOffset) last.count += count
      else {
        const range = { partition, baseOffset, count }
        latest[partition] = range
        ranges.push(range)
      }
    }
    return ranges
  }

  settle(cause: Error): void {
    if (this.done) return
    const { refused, unknown } = this.#fates()
    const unpublished = [...refused, ...this.messages.slice(this.next)]
    this.#finish()
    const verb = this.#topic.queue === undefined ? 'published' : 'sent'
    const doubt = unknown.length > 0 ? ` (of ${unknown.length} more it is unknown: they are on their way)` : ''
    this.#reject(
      new UnpublishedError(
        `${unpublished.length} of ${this.messages.length} messages were not ${verb} to ${titleOf(this.#topic)}${doubt}: ${cause.message}`,
        unpublished,
        unknown,
        cause,
      ),
    )
  }

  /** Of the messages that partitions took, those that were refused and those that have no answer, in order. */
  #fates(): { readonly refused: Message[]; readonly unknown: Message[] } {
    const refused: Message[] = []
    const unknown: Message[] = []
    const left = new Map<number, { isRefused: boolean; count: number }[]>()
    for (let at = 0; at < this.#answers.length; at += ANSWER) {
      const [partition, from, count] = this.#answers.slice(at, at + ANSWER) as [number, number, number]
      const answers = left.get(partition) ?? []
      answers.push({ isRefused: from === REFUSED, count })
      left.set(partition, answers)
    }
    for (let index = 0; index < this.next; index++) {
      const answers = left.get(this.prepared.partitions[index] as number)
      while (answers?.[0]?.count === 0) answers.shift()
      const answer = answers?.[0]
      if (answer !== undefined) answer.count--
      if (answer?.isRefused === false) continue
      const fate = answer === undefined ? unknown : refused
      fate.push(this.messages[index] as Message)
    }
    return { refused, unknown }
  }

  #finish(): void {
    this.done = true
    if (this.#signal !== undefined) offAbort(this.#signal, this.#aborted)
    this.#room.settled()
  }
}
