/**
 * The topics, queues and exchanges that schedules send to: which are open, where ticks go, and the ways there.
 *
 * The creating thread. An exchange is asked for its targets when a tick is decided: what is decided goes where it was to go then. Bound: what
 * the broker has opened, and the targets of exchanges.
 */
import type { Session } from '../embedded/session.ts'
import type { NumberedProducer } from '../publish/numbered-producer.ts'
import { headersOf, SCHEDULE_HEADER, TICK_HEADER, tickMessage, tickPartition } from '../publish/scheduled-message.ts'
import type { TickAnswer } from '../schedule/schedule-loop.ts'
import type { KeptMessage, ScheduleDefinition, SendingPlace } from '../schedule/schedule-record.ts'
import type { TopicShape } from '../wire/places.ts'
import type { MessageSight } from '../wire/queue-asks.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { isMillraceError, MillraceError } from '../words/errors.ts'
import { checkName, show } from '../words/names.ts'
import { handedOutAs } from './bind-targets.ts'
import { QueueMessages } from './queue-messages.ts'
import { openTick, type TickTopic, tickSender } from './tick-senders.ts'

/** What is open, by which a schedule may be told its target. */
export interface OpenTarget {
  readonly kind: 'queue' | 'topic' | 'exchange'
  readonly name: string
  readonly id: number
  /** Null: of an exchange. */
  readonly shape: TopicShape | null
}

export class TickPlaces {
  readonly #session: Session
  readonly #upcalls: { endOf(topic: number): number; opening(topic: number): void }
  readonly #byName = new Map<string, OpenTarget>()
  readonly #senders = new Map<number, NumberedProducer>()

  /**
   * `endOf`: the number behind all that are kept for a target. `opening` is called when the way there is made: what is kept for it is put in
   * line then.
   */
  constructor(session: Session, upcalls: { endOf(topic: number): number; opening(topic: number): void }) {
    this.#session = session
    this.#upcalls = upcalls
  }

  /** Whether it was not open before. */
  opened(target: OpenTarget): boolean {
    if (this.#byName.get(target.name)?.id === target.id) return false
    this.#byName.set(target.name, target)
    return true
  }

  /** Whether it is open, and not another one of its name. */
  has({ name, id }: Pick<OpenTarget, 'name' | 'id'>): boolean {
    return this.#byName.get(name)?.id === id
  }

  /** It is gone. */
  deleted({ name, id }: OpenTarget): void {
    if (this.#byName.get(name)?.id === id) this.#byName.delete(name)
    void this.#senders.get(id)?.close()
    this.#senders.delete(id)
  }

  /** What a schedule is to send to: a handle, a definition, or a name. @throws MillraceError MILL_INVALID_OPTION, MILL_TOPIC_DELETED */
  targetOf(target: unknown): OpenTarget {
    const isObject = typeof target === 'object' && target !== null
    const given: unknown = isObject ? (target as { readonly name?: unknown }).name : target
    if (typeof given !== 'string')
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `a schedule sends to a queue, a topic or an exchange, not to ${show(target)}: give one behind the options, broker.schedule(name, { everyMs }, queue, message)`,
      )
    const name = checkName('queue', given)
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
      `a schedule cannot send to ${name}, which is not open: open it with broker.queue, broker.topic or broker.exchange first`,
    )
  }

  /** Where so many ticks go, with their numbers. @throws MillraceError */
  async take({ name, target, message }: ScheduleDefinition, count: number): Promise<readonly SendingPlace[]> {
    const places: SendingPlace[] = []
    for (const each of await this.#topicsOf(this.#openOf(target), message)) {
      try {
        const { topic } = await openTick(this.#session, each)
        const first = await this.#senderOf(each).take(count)
        const partition = tickPartition(message, name, topic.partitions)
        const isInMemory = topic.durability === 'memory' ? { isInMemory: true as const } : {}
        places.push({ topic: each.id, name: each.name, partition, first, ...isInMemory })
      } catch (error) {
        if (!isGoneFrom(target, error)) throw error
      }
    }
    return places
  }

  async #topicsOf(open: OpenTarget, message: KeptMessage): Promise<readonly TickTopic[]> {
    if (open.kind !== 'exchange') return [open]
    const { routes } = this.#session.publishers
    if (!routes.fresh) await routes.refresh()
    const targets = routes.find(open.id, message.routingKey ?? '', headersOf(message))
    if (targets === null) throw deletedTopic(open.name, 'exchange')
    return targets
  }

  /** Puts the message of a tick in line during the call. */
  async send(
    { name, message, rules, target }: ScheduleDefinition,
    { topic, name: topicName, partition, first }: SendingPlace,
    index: number,
    tickMs: number,
    signal: AbortSignal,
  ): Promise<TickAnswer> {
    const sender = this.#senderOf({ id: topic, name: topicName })
    const sending = sender.send(
      first + index,
      partition,
      produced => tickMessage(message, name, tickMs, produced, partition),
      signal,
    )
    const answer = await sending.catch((error: unknown): TickAnswer => {
      if (!isGoneFrom(target, error)) throw error
      return { how: 'sent', offset: null }
    })
    if (answer.how === 'refused' || answer.offset !== null || rules.overlap === 'send') return answer
    return { how: 'sent', offset: await this.#find(this.#openOf(target), name, tickMs) }
  }

  /** Whether the message at this offset is not settled. */
  async isOpen({ target }: ScheduleDefinition, offset: number): Promise<boolean> {
    const { id } = this.#openOf(target)
    const answered = await this.#session.ask(control => control.askQueue(id, 'explain', [offset]))
    const { state } = answered as MessageSight
    return state !== 'settled' && state !== 'unknown'
  }

  /** Where the message of a tick is that an earlier process sent; null: it is settled. */
  async #find({ shape }: OpenTarget, schedule: string, tickMs: number): Promise<number | null> {
    const tick = new Date(tickMs).toISOString()
    for await (const { headers, id } of new QueueMessages(this.#session, shape as TopicShape).browse())
      if (headers[SCHEDULE_HEADER] === schedule && headers[TICK_HEADER] === tick) return Number(id.split('.')[1])
    return null
  }

  #openOf({ name, kind }: ScheduleDefinition['target']): OpenTarget {
    const open = this.#byName.get(name)
    if (open === undefined) throw deletedTopic(name, kind)
    return open
  }

  #senderOf(topic: TickTopic): NumberedProducer {
    const { id } = topic
    const known = this.#senders.get(id)
    if (known !== undefined) return known
    const sender = tickSender(this.#session, topic, this.#upcalls.endOf(id))
    this.#senders.set(id, sender)
    this.#session.named.add(sender)
    this.#upcalls.opening(id)
    return sender
  }
}

/** Whether one of the targets of an exchange is gone, and its binding with it. */
function isGoneFrom({ kind }: ScheduleDefinition['target'], error: unknown): boolean {
  return kind === 'exchange' && isMillraceError(error, 'MILL_TOPIC_DELETED')
}
