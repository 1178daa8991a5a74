/**
 * The topics and queues that schedules send to: which are open, and the ways of ticks into them.
 *
 * The creating thread. Bound: the topics and queues that the broker has opened.
 */
import type { Session } from '../embedded/session.ts'
import { SCHEDULE_HEADER, TICK_HEADER, tickMessage, tickPartition } from '../publish/scheduled-message.ts'
import type { TickAnswer } from '../schedule/schedule-loop.ts'
import type { ScheduleDefinition, SendingPlace } from '../schedule/schedule-record.ts'
import type { TopicShape } from '../wire/places.ts'
import type { MessageSight } from '../wire/queue-asks.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { MillraceError } from '../words/errors.ts'
import { checkName } from '../words/names.ts'
import { handedOutAs } from './bind-targets.ts'
import { QueueMessages } from './queue-messages.ts'
import { type TickSender, tickSender } from './tick-senders.ts'

export class TickPlaces {
  readonly #session: Session
  readonly #endOf: (topic: number) => number
  readonly #shapes = new Map<number, TopicShape>()
  readonly #byName = new Map<string, TopicShape>()
  readonly #senders = new Map<number, TickSender>()

  /** `endOf`: the number behind all that are kept for a target. */
  constructor(session: Session, endOf: (topic: number) => number) {
    this.#session = session
    this.#endOf = endOf
  }

  /** Whether it was not open before. */
  opened(shape: TopicShape): boolean {
    if (this.#shapes.has(shape.id)) return false
    this.#shapes.set(shape.id, shape)
    this.#byName.set(shape.name, shape)
    return true
  }

  /** What is gone; undefined: it was not open. */
  deleted(id: number): TopicShape | undefined {
    const shape = this.#shapes.get(id)
    if (shape === undefined) return undefined
    this.#shapes.delete(id)
    if (this.#byName.get(shape.name) === shape) this.#byName.delete(shape.name)
    void this.#senders.get(id)?.close()
    this.#senders.delete(id)
    return shape
  }

  /** What a schedule is to send to: a handle, a definition, or a name. @throws MillraceError MILL_INVALID_OPTION, MILL_TOPIC_DELETED */
  shapeOf(target: unknown): TopicShape {
    const isObject = typeof target === 'object' && target !== null
    const name = checkName('queue', isObject ? (target as { readonly name?: unknown }).name : target)
    const handed = isObject ? handedOutAs(target) : undefined
    if (handed !== undefined && handed.session !== this.#session)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `${handed.target.kind} ${name} was opened by another broker: give one that was opened by this one`,
      )
    const open = this.#byName.get(name)
    if (handed !== undefined && handed.target.id !== open?.id) throw deletedTopic(name, handed.target.kind)
    if (open !== undefined) return open
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `a schedule cannot send to ${name}, which is not open: open it with broker.queue or broker.topic first`,
    )
  }

  /** Where so many ticks go, with their numbers. @throws MillraceError */
  async take({ name, target, message }: ScheduleDefinition, count: number): Promise<readonly SendingPlace[]> {
    const shape = this.#targetOf(target)
    const first = await this.#senderOf(shape).take(count)
    return [{ topic: shape.id, partition: tickPartition(message, name, shape.partitions), first }]
  }

  /** Puts the message of a tick in line during the call. */
  async send(
    { name, message, rules, target }: ScheduleDefinition,
    { topic, partition, first }: SendingPlace,
    index: number,
    tickMs: number,
    signal: AbortSignal,
  ): Promise<TickAnswer> {
    const shape = this.#shapes.get(topic)
    if (shape === undefined) throw deletedTopic(target.name, target.kind)
    const made = tickMessage(message, name, tickMs, shape, partition)
    const answer = await this.#senderOf(shape).send(first + index, partition, made, signal)
    if (answer.how === 'refused' || answer.offset !== null || rules.overlap === 'send') return answer
    return { how: 'sent', offset: await this.#find(shape, name, tickMs) }
  }

  /** Whether the message at this offset is not settled. */
  async isOpen({ target }: ScheduleDefinition, offset: number): Promise<boolean> {
    const { id } = this.#targetOf(target)
    const answered = await this.#session.ask(control => control.askQueue(id, 'explain', [offset]))
    const { state } = answered as MessageSight
    return state !== 'settled' && state !== 'unknown'
  }

  /** Where the message of a tick is that an earlier process sent; null: it is settled. */
  async #find(shape: TopicShape, schedule: string, tickMs: number): Promise<number | null> {
    const tick = new Date(tickMs).toISOString()
    for await (const { headers, id } of new QueueMessages(this.#session, shape).browse())
      if (headers[SCHEDULE_HEADER] === schedule && headers[TICK_HEADER] === tick) return Number(id.split('.')[1])
    return null
  }

  #targetOf({ name, kind }: ScheduleDefinition['target']): TopicShape {
    const shape = this.#byName.get(name)
    if (shape === undefined) throw deletedTopic(name, kind)
    return shape
  }

  #senderOf(shape: TopicShape): TickSender {
    const { id } = shape
    const known = this.#senders.get(id)
    if (known !== undefined) return known
    const sender = tickSender(this.#session, shape, this.#endOf(id))
    this.#senders.set(id, sender)
    this.#session.named.add(sender)
    return sender
  }
}
