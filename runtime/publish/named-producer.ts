/**
 * A producer whose records are numbered, in all processes together, so that its source can go on where it was.
 *
 * The producer's thread; rings of its own. Records get the numbers from `next` on, in the order of the calls. The number of
 * a frame's last record is in its header, with the producer's number: by these the next process finds out what each partition
 * has. What it publishes again below that is not published twice (`repeated`). How far all records are acknowledged is
 * written down twenty times a second, and where in each partition the last one is.
 *
 * A record's partition must be the same again: it has a key, or names its partition. Where the topic comes to have more of them, keys
 * of later numbers are spread over all (key-spread.ts), and those records wait until it is durable from which number on.
 *
 * After a failed publish nobody knows what was appended: the producer is then of no use, until it is opened again.
 */
import { clearInterval, setInterval } from '../../actors/world.ts'
import type { ProducerState, Spread } from '../wire/producer-places.ts'
import { MillraceError, UnpublishedError } from '../words/errors.ts'
import type { BatchReceipt, Message, PublishOptions, Receipt } from '../words/message.ts'
import type { NamedProducer, SequencedReceipt } from '../words/named-producer.ts'
import { asMessage, checkedKey, noBatch } from './checked-message.ts'
import { partitionsAt, spreadOf, spreadOver } from './key-spread.ts'
import type { TopicProducer } from './topic-producer.ts'

const KEEP_MS = 50

/** Records that were published together and are not acknowledged, or have others before them that are not. */
interface Sent {
  readonly to: number
  isDone: boolean
}

export interface NamedUpcalls {
  keep(state: ProducerState): Promise<void>
  close(state: ProducerState): Promise<void>
}

export class SequencedProducer<V> implements NamedProducer<V> {
  readonly name: string
  readonly topic: string
  readonly #producer: TopicProducer
  readonly #upcalls: NamedUpcalls
  readonly #id: number
  /** By partition: the number after the last record that it has. */
  readonly #passed: readonly number[]
  /** From here on nothing is repeated. */
  readonly #freshFrom: number
  /** By partition: the offset of the last acknowledged frame. */
  readonly #seen: number[]
  #spread: readonly Spread[]
  readonly #sent: Sent[] = []
  readonly #timer: NodeJS.Timeout
  #next: number
  /** All records below are acknowledged. */
  #acknowledged: number
  #kept: number
  #failure: Error | null = null
  #closing: Promise<void> | null = null

  constructor(
    name: string,
    producer: TopicProducer,
    state: ProducerState,
    passed: readonly number[],
    upcalls: NamedUpcalls,
  ) {
    const { id, next, seen } = state
    this.name = name
    this.topic = producer.topic.name
    this.#producer = producer
    this.#spread = spreadOf(state)
    producer.onGrown = () => this.#grown()
    this.#upcalls = upcalls
    this.#id = id
    this.#passed = passed
    this.#freshFrom = Math.max(0, ...passed)
    this.#seen = passed.map((_, partition) => seen[partition] ?? 0)
    this.#next = next
    this.#acknowledged = next
    this.#kept = next
    this.#timer = setInterval(() => void this.#keep().catch(() => undefined), KEEP_MS)
    this.#timer.unref()
  }

  get next(): number {
    return this.#next
  }

  async publish(message: Message<V>, options?: PublishOptions): Promise<Receipt | null> {
    const { count, ranges, durability } = await this.publishBatch([message], options)
    const [range] = ranges
    if (count === 0 || range === undefined) return null
    const { partition, baseOffset: offset } = range
    return { topic: this.topic, partition, offset, position: `${partition}:${offset}`, durability }
  }

  async publishBatch(messages: readonly Message<V>[], options?: PublishOptions): Promise<SequencedReceipt> {
    if (this.#closing !== null) throw new MillraceError('MILL_CLOSED', `producer ${this.name} is closed`)
    if (this.#failure !== null) throw this.#failure
    if (!Array.isArray(messages)) throw noBatch('publishBatch', messages)
    const first = this.#next
    const partitions = messages.map((message, at) => this.#partitionOf(message, first + at))
    const [fresh, sequences] = this.#fresh(this.#placed(messages, partitions, first), partitions, first)
    this.#next += messages.length
    const sent: Sent = { to: this.#next, isDone: false }
    this.#sent.push(sent)
    try {
      const receipt = await this.#producer.publishSequenced(fresh, sequences, options ?? {})
      this.#acknowledge(sent, receipt)
      return { ...receipt, first, repeated: messages.length - fresh.length }
    } catch (cause) {
      const why = `producer ${this.name} of topic ${this.topic} has failed: ${(cause as Error).message}. Close it and open it again: it then knows what was appended`
      this.#failure ??= new UnpublishedError(why, [], [], cause, false)
      throw this.#failure
    }
  }

  #partitionOf(message: Message<V>, number: number): number {
    const { key: given, partition } = asMessage(message)
    const key = checkedKey(given)
    if (key === null && partition === undefined)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `a record of producer ${this.name} has neither key nor partition: it could not be found again; give one`,
      )
    return this.#producer.choice.among(partitionsAt(this.#spread, number), partition, key ?? '')
  }

  /** Those whose keys are spread over fewer partitions than there are now name theirs. */
  #placed(messages: readonly Message<V>[], partitions: readonly number[], first: number): readonly Message<V>[] {
    if (first >= (this.#spread.at(-1) as Spread).from) return messages
    return messages.map((message, at) => {
      const { key, value, headers, timestamp } = asMessage(message) as Message<V>
      return { key, value, headers, timestamp, partition: partitions[at] }
    })
  }

  /**
   * The topic has more partitions. What is published from now on waits until it is durable that it is spread over them. What an
   * earlier process published may be there already, though it was not told so: it stays where it was to go.
   */
  #grown(): void {
    const { partitions } = this.#producer.topic
    while (this.#seen.length < partitions) this.#seen.push(0)
    const from = Math.max(this.#next, this.#freshFrom)
    this.#spread = spreadOver(this.#spread, from, partitions, this.#acknowledged)
    const goOn = this.#producer.hold()
    this.#upcalls.keep(this.#state).then(goOn, (error: Error) => {
      this.#producer.fail(error)
      goOn()
    })
  }

  /** What their partitions do not have, with its numbers. */
  #fresh(
    messages: readonly Message<V>[],
    partitions: readonly number[],
    first: number,
  ): readonly [readonly Message<V>[], readonly number[]] {
    const sequences = messages.map((_, at) => first + at)
    if (first >= this.#freshFrom) return [messages, sequences]
    const isFresh = (at: number): boolean => first + at >= (this.#passed[partitions[at] as number] ?? 0)
    return [messages.filter((_, at) => isFresh(at)), sequences.filter((_, at) => isFresh(at))]
  }

  #acknowledge(sent: Sent, { ranges }: BatchReceipt): void {
    sent.isDone = true
    for (const { partition, baseOffset } of ranges)
      this.#seen[partition] = Math.max(this.#seen[partition] as number, baseOffset)
    while (this.#sent[0]?.isDone === true) this.#acknowledged = (this.#sent.shift() as Sent).to
  }

  get #state(): ProducerState {
    return { id: this.#id, next: this.#acknowledged, seen: [...this.#seen], spread: this.#spread }
  }

  async #keep(): Promise<void> {
    if (this.#acknowledged === this.#kept) return
    this.#kept = this.#acknowledged
    await this.#upcalls.keep(this.#state)
  }

  flush(): Promise<void> {
    return this.#producer.flush()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#failure === null) await this.#producer.flush().catch(() => undefined)
    this.#producer.close()
    await this.#upcalls.close(this.#state)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
