/** A single publish from its call to its receipt: in the waiting room, then in a frame. Settles once. */
import { nowMs } from '../../actors/world.ts'
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import { ownedHeaders } from '../log/format/headers.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { FullError, MillraceError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Message, Receipt } from '../words/message.ts'
import { AppendReceipt, SendReceipt } from './append-receipt.ts'
import type { Answerer, FrameObserver } from './frame-tickets.ts'
import { type SendOptions, type SentRequest, textOfId } from './message-fields.ts'
import { deadlineOf, fullText, lateText } from './publish-ends.ts'
import type { EncodedMessage } from './record-writer.ts'
import { RoutedReceipt } from './routed-receipt.ts'
import type { WaitingRoom } from './waiting-room.ts'

export class PendingPublish implements FrameObserver {
  readonly original: Message
  readonly since: number
  /** Since when it waits for room or for its receipt; Infinity: it waits for its rate. */
  roomSince: number
  /** Order among everything that waits in its topic; set when it starts to wait. */
  serial = 0
  /** It waits beside the bounds of the waiting room, and for its rate whatever `onFull` says. */
  isOutput = false
  /** No rate holds it. */
  isFree = false
  /** `tryPublish` has said that it is taken: it waits for its rate, too. */
  isTaken = false
  /** An exchange has sent it here, and to no other target: its receipt is that of an exchange. */
  isRouted = false
  /** Bytes it takes in the waiting room. */
  bytes = 0
  message: EncodedMessage
  done = false
  readonly #topic: ProducedTopic
  readonly #room: WaitingRoom
  readonly #timeoutMs: number | undefined
  readonly #resolve: (receipt: Receipt | RouteReceipt) => void
  readonly #reject: (error: Error) => void
  readonly #signal: AbortSignal | undefined
  readonly #request: SentRequest | undefined

  constructor(
    topic: ProducedTopic,
    room: WaitingRoom,
    message: EncodedMessage,
    original: Message,
    options: SendOptions,
    resolve: (receipt: never) => void,
    reject: (error: Error) => void,
  ) {
    this.#topic = topic
    this.#room = room
    this.message = message
    this.original = original
    this.since = nowMs()
    this.roomSince = this.since
    this.#timeoutMs = options.timeoutMs
    this.#resolve = resolve as (receipt: Receipt | RouteReceipt) => void
    this.#reject = reject
    this.#signal = options.signal
    this.#request = options.request
    if (this.#signal !== undefined) onAbort(this.#signal, this.#aborted)
    room.unsettled()
  }

  get partition(): number {
    return this.message.partition
  }

  /** When it is overdue, in performance.now time. */
  get deadline(): number {
    return deadlineOf(this.#timeoutMs, this.since, this.roomSince)
  }

  readonly #aborted = (): void => {
    this.settle(
      new MillraceError(
        'MILL_ABORTED',
        'the publish was aborted; a record that was in the ring already may still be appended',
        { cause: this.#signal?.reason },
      ),
    )
  }

  appended(writer: Answerer, baseOffset: number, first: number, _count: number, isDuplicate: boolean): void {
    const offset = baseOffset + first
    if (this.done) {
      if (this.#signal?.aborted === true && !isDuplicate) this.#request?.appendedLate?.(offset)
      return
    }
    this.#finish()
    const { id, name, durability, queue } = this.#topic
    const receipt =
      queue === undefined
        ? new AppendReceipt(name, writer.partition, offset, durability)
        : new SendReceipt(name, id, offset, durability, textOfId(this.message.fields), isDuplicate)
    this.#resolve(this.isRouted ? new RoutedReceipt([this.#topic], [receipt]) : receipt)
  }

  failed(_count: number, error: Error): void {
    this.settle(error)
  }

  refused(): void {
    this.settle(new FullError(fullText(this.#topic), this.original))
  }

  /** Its time is over; `hold` says what holds it, or nothing. */
  expire(hold: string): void {
    const text = lateText(this.#topic, this.message.partition, this.#timeoutMs, hold)
    this.settle(new MillraceError('MILL_TIMEOUT', text, { retriable: true }))
  }

  /** It is going to wait, and takes so many bytes: the caller may reuse its buffers meanwhile. */
  own(bytes: number): void {
    const { message } = this
    this.bytes = bytes
    this.message = {
      ...message,
      key: message.key instanceof Uint8Array ? new Uint8Array(message.key) : message.key,
      value: message.value instanceof Uint8Array ? new Uint8Array(message.value) : message.value,
      headers: message.headers === null ? null : ownedHeaders(message.headers),
    }
  }

  settle(error: Error): void {
    if (this.done) return
    this.#finish()
    this.#reject(error)
  }

  #finish(): void {
    this.done = true
    if (this.#signal !== undefined) offAbort(this.#signal, this.#aborted)
    this.#room.settled()
  }
}
