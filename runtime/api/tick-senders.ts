/**
 * The ways of ticks into their targets, one for each target: with kept numbers where that is on disk, and plainly where it is in memory.
 *
 * The creating thread. Bound: the targets of schedules.
 */
import type { Session } from '../embedded/session.ts'
import { isFatal, NumberedProducer } from '../publish/numbered-producer.ts'
import type { TickAnswer } from '../schedule/schedule-loop.ts'
import type { TopicShape } from '../wire/places.ts'
import type { Message } from '../words/message.ts'

/** Name of the producer that all schedules of a target share. No user can give it. */
const PRODUCER = '@schedules'

/** The way of ticks into one target. */
export interface TickSender {
  /** The first of so many numbers. */
  take(count: number): Promise<number>
  /** Puts a message in line during the call. Rejects if it is not known whether the target has it. */
  send(number: number, partition: number, message: Message, signal: AbortSignal): Promise<TickAnswer>
  /** Gives back what it has. */
  close(): Promise<void>
}

/** `next`: above all numbers that are kept. */
export function tickSender(session: Session, shape: TopicShape, next: number): TickSender {
  return shape.log === null ? new PlainSender(session, shape) : numbered(session, shape, next)
}

function numbered(session: Session, { name, id }: TopicShape, next: number): TickSender {
  return new NumberedProducer(next, async () => {
    const { id: thread } = session.thread
    const places = await session.ask(control => control.openProducer(thread, name, PRODUCER))
    const producer = session.publishers.named(places)
    return {
      producer,
      places,
      keep: state => session.calls().keepProducer(id, PRODUCER, state),
      close: async state => {
        producer.close()
        session.publishers.forget(producer)
        await session.calls().closeProducer(id, PRODUCER, state)
      },
    }
  })
}

/** Into memory, whose content ends with the process: a number means nothing there. */
class PlainSender implements TickSender {
  readonly #session: Session
  readonly #shape: TopicShape
  #next = 0

  constructor(session: Session, shape: TopicShape) {
    this.#session = session
    this.#shape = shape
  }

  async take(count: number): Promise<number> {
    const first = this.#next
    this.#next += count
    return first
  }

  async send(_number: number, _partition: number, message: Message, signal: AbortSignal): Promise<TickAnswer> {
    try {
      const producer = await this.#session.publishers.openTopic(this.#shape.name, this.#shape.id)
      const { offset } = await producer.publish(message, { signal, timeoutMs: Number.POSITIVE_INFINITY })
      return { how: 'sent', offset }
    } catch (error) {
      if (isFatal(error)) throw error
      return { how: 'refused', error: error as Error }
    }
  }

  async close(): Promise<void> {}
}
