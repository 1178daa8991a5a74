/**
 * Messages with numbers of their own into one topic or queue: on disk each number is there once, whatever the process dies of.
 *
 * The creating thread; rings of its own, those of a named producer whose name no user can give. Numbers are given in order, by `take`, and
 * are kept by who takes them. After a death they are sent again. A number that the target has is not sent: it is below the number after the
 * last one that its partition has, since numbers go one after the other, in their order.
 *
 * After a failed send the producer is opened again, and then knows what its target has.
 *
 * Bounds: one message on its way; those that wait are their senders'.
 */
import type { TickAnswer } from '../schedule/schedule-loop.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { NamedPlaces, ProducerState } from '../wire/producer-places.ts'
import { isMillraceError, MillraceError } from '../words/errors.ts'
import type { Message } from '../words/message.ts'
import type { TopicProducer } from './topic-producer.ts'

/** A producer that is open. */
export interface OpenedNumbers {
  readonly producer: Pick<TopicProducer, 'publishSequenced' | 'topic'>
  readonly places: Pick<NamedPlaces, 'state' | 'passed'>
  /** Keeps how far it is. Resolves when it is written. */
  keep(state: ProducerState): Promise<void>
  /** Gives its rings back. */
  close(state: ProducerState): Promise<void>
}

interface Waiting {
  readonly number: number
  readonly partition: number
  readonly made: (topic: ProducedTopic) => Message
  readonly signal: AbortSignal
  resolve(answer: TickAnswer): void
  reject(error: Error): void
}

/** What ends a sender, and says nothing of the message. */
const FATAL = [
  'MILL_ABORTED',
  'MILL_CLOSED',
  'MILL_CORRUPT',
  'MILL_DISK',
  'MILL_THREAD_LOST',
  'MILL_TOPIC_DELETED',
] as const

/** Whether what became of a message is not known, or will be known to nobody. */
export function isFatal(error: unknown): boolean {
  return FATAL.some(code => isMillraceError(error, code))
}

export class NumberedProducer {
  readonly #open: () => Promise<OpenedNumbers>
  #opened: Promise<OpenedNumbers> | null = null
  #state: ProducerState | null = null
  /** Ascending numbers. */
  readonly #waiting: Waiting[] = []
  #isAtWork = false
  #isClosed = false
  /** The next number. */
  #next: number

  /** `open` opens its rings; `next` is above all numbers that are kept. */
  constructor(next: number, open: () => Promise<OpenedNumbers>) {
    this.#open = open
    this.#next = next
  }

  /** The first of so many numbers. @throws MillraceError as opening a named producer does */
  async take(count: number): Promise<number> {
    await this.#openedNow()
    const first = this.#next
    this.#next += count
    return first
  }

  /** Puts a message in line during the call; lower numbers go first. Rejects if it is not known whether the target has it. */
  send(
    number: number,
    partition: number,
    made: (topic: ProducedTopic) => Message,
    signal: AbortSignal,
  ): Promise<TickAnswer> {
    return new Promise((resolve, reject) => {
      const later = this.#waiting.findIndex(each => each.number > number)
      const each = { number, partition, made, signal, resolve, reject }
      this.#waiting.splice(later === -1 ? this.#waiting.length : later, 0, each)
      if (!this.#isAtWork) void this.#work()
    })
  }

  async #work(): Promise<void> {
    this.#isAtWork = true
    // What is put in line in the same turn is put in order first.
    await undefined
    for (let each = this.#waiting.shift(); each !== undefined; each = this.#waiting.shift())
      await this.#send(each).then(each.resolve, each.reject)
    this.#isAtWork = false
  }

  async #send({ number, partition, made, signal }: Waiting): Promise<TickAnswer> {
    // Many may wait when their schedules end.
    if (signal.aborted) throw new MillraceError('MILL_ABORTED', `message ${number} of a schedule was aborted`)
    const opened = await this.#openedNow()
    const { passed } = opened.places
    if (number < (this.#state?.next ?? 0) || number < (passed[partition] ?? 0)) return { how: 'sent', offset: null }
    try {
      const options = { signal, timeoutMs: Number.POSITIVE_INFINITY }
      const { producer } = opened
      const { ranges } = await producer.publishSequenced([made(producer.topic)], [number], options)
      const offset = ranges[0]?.baseOffset as number
      this.#passed(opened, number, partition, offset)
      return { how: 'sent', offset }
    } catch (error) {
      await this.#giveUp()
      const why = isMillraceError(error, 'MILL_UNPUBLISHED') ? ((error.cause ?? error) as Error) : (error as Error)
      if (isFatal(why)) throw why
      return { how: 'refused', error: why }
    }
  }

  /** Its target has this number, and none below it is to be sent. */
  #passed({ keep }: OpenedNumbers, number: number, partition: number, offset: number): void {
    const { id, seen, spread } = this.#state as ProducerState
    const known = [...seen]
    while (known.length <= partition) known.push(0)
    known[partition] = offset
    this.#state = { id, next: number + 1, seen: known, ...(spread === undefined ? {} : { spread }) }
    // Were it not written, the target's log would say the same.
    keep(this.#state).catch(() => undefined)
  }

  #openedNow(): Promise<OpenedNumbers> {
    this.#opened ??= this.#open().then(
      opened => {
        const { state, passed } = opened.places
        this.#state = state
        this.#next = Math.max(this.#next, state.next, ...passed)
        return opened
      },
      error => {
        this.#opened = null
        throw error
      },
    )
    return this.#opened
  }

  async #giveUp(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    this.#opened = null
    if (opened !== undefined && this.#state !== null) await opened.close(this.#state).catch(() => undefined)
  }

  /** Gives its rings back; who waits is answered as its signal says. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#giveUp()
  }
}
