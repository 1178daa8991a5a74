/**
 * The way of ticks into one target: with kept numbers where that is on disk, and plainly where it is in memory, whose content ends with the
 * process.
 *
 * The creating thread. What is not open is opened, as the folder has it.
 */
import type { Session } from '../embedded/session.ts'
import { NumberedProducer, type OpenedNumbers } from '../publish/numbered-producer.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { isMillraceError } from '../words/errors.ts'

/** Name of the producer that all schedules of a target share. No user can give it. */
const PRODUCER = '@schedules'

/** A topic, or the one that a queue is inside. */
export interface TickTopic {
  readonly id: number
  readonly name: string
}

/** `next`: above all numbers that are kept. */
export function tickSender(session: Session, topic: TickTopic, next: number): NumberedProducer {
  return new NumberedProducer(next, () => open(session, topic))
}

/** What a schedule sends to by, if it is there. @throws MillraceError MILL_TOPIC_DELETED */
export async function openTick(session: Session, { name, id }: TickTopic): Promise<TopicProducer> {
  return session.publishers.openTopic(name, id).catch(gone(name))
}

/** A name that nothing has is that of something that was deleted. */
function gone(name: string): (error: unknown) => never {
  return error => {
    throw isMillraceError(error, 'MILL_INVALID_OPTION') ? deletedTopic(name) : error
  }
}

async function open(session: Session, topic: TickTopic): Promise<OpenedNumbers> {
  const { name, id } = topic
  const plain = await openTick(session, topic)
  if (plain.topic.durability === 'memory')
    return {
      producer: {
        topic: plain.topic,
        publishSequenced: (messages, _numbers, options) => plain.publishBatch(messages, options),
      },
      places: { state: { id: 0, next: 0, seen: [] }, passed: [] },
      keep: async () => undefined,
      close: async () => undefined,
    }
  const { id: thread } = session.thread
  const places = await session.ask(control => control.openProducer(thread, name, PRODUCER)).catch(gone(name))
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
}
