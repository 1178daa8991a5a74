/**
 * Single publishes that stand in one frame, one after the other, and are answered by one promise.
 *
 * The producer's thread. Each has a promise that follows the run's: when that is over, one function says in turn what each is told. A
 * function for each, to settle its promise with, would cost twice its memory. Bound: the records of a frame.
 */
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Message, Receipt } from '../words/message.ts'
import { type ErrorOf, PlainPublishes } from './plain-publishes.ts'
import type { WaitingRoom } from './waiting-room.ts'

export class PublishRun extends PlainPublishes {
  /** Resolved when it is known what each is told. */
  readonly #over: Promise<void>
  #end: () => void = () => undefined
  /** How many of them were told. */
  #told = 0
  #firstOffset = 0
  /** Why each has failed; null: they are appended. */
  #errorOf: ErrorOf | null = null
  /** Only where a partition may refuse them: they are in its error. */
  readonly #originals: Message[] | null

  constructor(topic: ProducedTopic, room: WaitingRoom, partition: number, isRouted = false) {
    super(topic, room, partition, isRouted)
    this.#originals = topic.onFull === 'reject' || topic.queue !== undefined ? [] : null
    this.#over = new Promise(resolve => {
      this.#end = resolve
    })
  }

  /** The message went into the frame, right after those before it. Its receipt is that of an exchange if the run is one's. */
  add(original: Message): Promise<Receipt | RouteReceipt> {
    this.#originals?.push(original)
    return this.#over.then(this.#tellNext)
  }

  /** Promises are told in the order in which they were made. */
  readonly #tellNext = (): Receipt | RouteReceipt => {
    const index = this.#told++
    if (this.#errorOf !== null) throw this.#errorOf(this.#originals?.[index])
    return this.receiptAt(this.#firstOffset + index)
  }

  protected tell(firstOffset: number): void {
    this.#firstOffset = firstOffset
    this.#end()
  }

  protected reject(errorOf: ErrorOf): void {
    this.#errorOf = errorOf
    this.#end()
  }
}
