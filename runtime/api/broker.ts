/**
 * The broker: starts the control thread, and hands out topics, queues and exchanges. Wires, and holds no data path.
 */

import { isMainThread } from 'node:worker_threads'
import type { LaunchedControl } from '../embedded/control-launch.ts'
import { watchLingering } from '../embedded/linger-watch.ts'
import { Session, type StoreTuning } from '../embedded/session.ts'
import { Events } from '../events/events.ts'
import { type CheckedBrokerOptions, checkBrokerOptions } from '../options/broker-options.ts'
import { checkCloseOptions } from '../options/common-options.ts'
import { checkExchangeOptions } from '../options/exchange-options.ts'
import { checkQueueOptions } from '../options/queue-options.ts'
import { checkTopicOptions } from '../options/topic-options.ts'
import type { Broker, BrokerOptions } from '../words/broker.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { CloseOptions, Logger } from '../words/common-options.ts'
import type { DeadLetters, DeadLettersOptions } from '../words/dead-letter.ts'
import type { Exchange, ExchangeDefinition, ExchangeInfo, ExchangeOptions } from '../words/exchange.ts'
import type { QueueInfo, TopicInfo } from '../words/listing.ts'
import type { NamedProducer } from '../words/named-producer.ts'
import { checkName } from '../words/names.ts'
import { openingThreadError } from '../words/opening-thread.ts'
import type { Queue } from '../words/queue.ts'
import type { QueueDefinition, QueueOptions } from '../words/queue-options.ts'
import type { Schedule, ScheduleOptions, TickMessage } from '../words/schedule.ts'
import type { Topic } from '../words/topic.ts'
import type { TopicDefinition, TopicOptions } from '../words/topic-definition.ts'
import { asBindTarget } from './bind-targets.ts'
import { CallsInLine } from './calls-in-line.ts'
import { DeadLettersClient } from './dead-letters-client.ts'
import { deniedError } from './denied.ts'
import { ExchangeClient } from './exchange-client.ts'
import { OpenedClients } from './opened-clients.ts'
import { QueueClient } from './queue-client.ts'
import { queueSettings } from './queue-settings.ts'
import { Schedules } from './schedules.ts'
import type { OpenTarget } from './tick-places.ts'
import { TopicClient } from './topic-client.ts'

/** The session behind each broker, for tests that break things on purpose; not in the door. */
export const sessions: WeakMap<Broker, Session> = new WeakMap()

/** Events of what a thread itself does; all others are of the whole broker. */
const EVENTS_OF_A_THREAD: readonly (keyof BrokerEvents)[] = [
  'failed',
  'loopLeft',
  'parked',
  'publishFailed',
  'stalled',
  'windowFull',
]

class BrokerClient implements Broker {
  readonly #session: Session
  readonly #topics = new OpenedClients<TopicClient<unknown>>()
  readonly #queues = new OpenedClients<QueueClient<unknown>>()
  readonly #schedules: Schedules
  readonly #bindings = new CallsInLine()
  readonly #exchanges = new OpenedClients<ExchangeClient<unknown>>()
  #closing: Promise<void> | null = null

  constructor(session: Session) {
    this.#session = session
    this.#schedules = new Schedules(session)
  }

  get closed(): boolean {
    return this.#session.closed || this.#session.closing
  }

  async topic<V = unknown>(name: string | TopicDefinition<V>, options?: TopicOptions): Promise<Topic<V>> {
    const defined = typeof name === 'object' && name !== null ? name : undefined
    const checkedName = checkName('topic', defined?.name ?? name)
    this.#session.checkAccepts()
    const checked = checkTopicOptions(defined === undefined ? options : { ...defined.options, ...options })
    const { given, partitioner, ...settings } = checked
    const shape = await this.#session.ask(control => control.openTopic(checkedName, settings, [...given]))
    const { id } = shape
    const opened = await this.#topics.open(checkedName, id, async forget => {
      const producer = await this.#session.publishers.openTopic(checkedName, id)
      const client = new TopicClient<unknown>(
        this.#session,
        shape,
        producer,
        this.#gone({ kind: 'topic', name: checkedName, id, shape }, forget),
      )
      return asBindTarget(client, this.#session, { kind: 'topic', name: checkedName, id })
    })
    this.#schedules.opened({ kind: 'topic', name: checkedName, id, shape })
    if (given.has('partitioner')) opened.settlePartitioner(partitioner)
    return opened as unknown as Topic<V>
  }

  async queue<V = unknown, R = unknown>(
    name: string | QueueDefinition<V, R>,
    options?: QueueOptions,
  ): Promise<Queue<V, R>> {
    const defined = typeof name === 'object' && name !== null ? name : undefined
    const checkedName = checkName('queue', defined?.name ?? name)
    this.#session.checkAccepts()
    const checked = checkQueueOptions(defined === undefined ? options : { ...defined.options, ...options })
    const settings = queueSettings(checkedName, checked)
    const shape = await this.#session.ask(control => control.openQueue(checkedName, settings, [...checked.given]))
    const { id } = shape
    const opened = await this.#queues.open(checkedName, id, async forget => {
      const producer = await this.#session.publishers.openTopic(checkedName, id)
      const client = new QueueClient<unknown>(
        this.#session,
        shape,
        producer,
        this.#gone({ kind: 'queue', name: checkedName, id, shape }, forget),
      )
      return asBindTarget(client, this.#session, { kind: 'queue', name: checkedName, id })
    })
    this.#schedules.opened({ kind: 'queue', name: checkedName, id, shape })
    return opened as unknown as Queue<V, R>
  }

  /** What is to be done when it is deleted. */
  #gone(target: OpenTarget, forget: () => void): () => void {
    return () => {
      forget()
      this.#schedules.deleted(target)
    }
  }

  ticket(): string {
    this.#session.checkAccepts()
    return this.#session.ticket
  }

  schedule<V>(
    name: string,
    when: ScheduleOptions,
    target:
      | string
      | Queue<V>
      | QueueDefinition<V>
      | Topic<V>
      | TopicDefinition<V>
      | Exchange<V>
      | ExchangeDefinition<V>,
    message: TickMessage<V>,
  ): Promise<Schedule> {
    if (this.#session.isAttached) return Promise.reject(openingThreadError('broker.schedule()'))
    return this.#schedules.schedule(name, when, target, message)
  }

  schedules(): readonly Schedule[] {
    if (this.#session.isAttached) throw openingThreadError('broker.schedules()')
    return this.#schedules.list()
  }

  async exchange<V = unknown>(name: string | ExchangeDefinition<V>, options?: ExchangeOptions): Promise<Exchange<V>> {
    const defined = typeof name === 'object' && name !== null ? name : undefined
    const checkedName = checkName('exchange', defined?.name ?? name)
    this.#session.checkAccepts()
    const checked = checkExchangeOptions(defined === undefined ? options : { ...defined.options, ...options })
    const { type = null, alternate } = checked
    const shape = await this.#session.ask(control => control.declareExchange(checkedName, type, alternate), 'for ever')
    const { id } = shape
    const opened = await this.#exchanges.open(checkedName, id, async forget => {
      const gone = this.#gone({ kind: 'exchange', name: checkedName, id, shape: null }, forget)
      const client = new ExchangeClient<unknown>(this.#session, shape, this.#bindings, gone)
      return asBindTarget(client, this.#session, { kind: 'exchange', name: checkedName, id })
    })
    this.#schedules.opened({ kind: 'exchange', name: checkedName, id, shape: null })
    return opened as Exchange<V>
  }

  async exchanges(): Promise<readonly ExchangeInfo[]> {
    return this.#session.ask(control => control.listExchanges())
  }

  async topics(): Promise<readonly TopicInfo[]> {
    return this.#session.ask(control => control.listTopics())
  }

  async queues(): Promise<readonly QueueInfo[]> {
    return this.#session.ask(control => control.listQueues())
  }

  async producer<V = unknown>(name: string, topic: string | TopicDefinition<V> | Topic<V>): Promise<NamedProducer<V>> {
    const checked = checkName('producer', name)
    const topicName = checkName('topic', typeof topic === 'string' ? topic : topic?.name)
    this.#session.checkAccepts()
    return this.#session.openProducer<V>(checked, topicName)
  }

  deadLetters<V = unknown>(
    source: string | TopicDefinition<V> | Topic<V> | QueueDefinition<V> | Queue<V>,
    options?: DeadLettersOptions,
  ): DeadLetters<V> {
    return new DeadLettersClient<V>(this.#session, source, options)
  }

  on<E extends keyof BrokerEvents>(event: E, listener: (event: BrokerEvents[E]) => void): () => void {
    const stop = this.#session.events.on(event, listener)
    if (!this.#session.isAttached || EVENTS_OF_A_THREAD.includes(event)) return stop
    stop()
    throw openingThreadError(`broker.on('${event}')`)
  }

  close(options?: CloseOptions): Promise<void> {
    try {
      const { timeoutMs } = checkCloseOptions(options)
      this.#schedules.end()
      this.#closing ??= this.#session.close(timeoutMs)
      const closing = this.#closing
      return this.#session.unlessInside(null, closing, () => {
        // Otherwise the failure may stay unreported.
        closing.catch((error: Error) => this.#session.events.emit('failed', { topic: null, group: null, error }))
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** `createBroker`, in a thread that has loaded the broker; `tuning` is for tests that need a small journal. */
export async function openBroker(options?: BrokerOptions, tuning?: StoreTuning): Promise<Broker> {
  return startBroker(checkBrokerOptions(options), tuning)
}

/** The same for the door, where a program may forget `close`. */
export async function serveBroker(checked: CheckedBrokerOptions, launched: LaunchedControl): Promise<Broker> {
  const broker = await startBroker(checked, {}, launched)
  const session = sessions.get(broker)
  if (session !== undefined && isMainThread && typeof process.getActiveResourcesInfo === 'function')
    watch(new WeakRef(session))
  return broker
}

/** A broker that is closed is not watched any more, and not kept in memory. */
function watch(reference: WeakRef<Session>): void {
  watchLingering(() => {
    const session = reference.deref()
    if (session === undefined || session.closing || session.closed) return undefined
    return {
      resources: () => process.getActiveResourcesInfo(),
      isExpected: () =>
        process.listenerCount('SIGTERM') + process.listenerCount('SIGINT') > 0 || session.scheduled() > 0,
      runs: () => session.runs.work,
      tell: ({ topic, group, queue }, runs) =>
        session.events.emit('lingering', { topic, group, runs, ...(queue === undefined ? {} : { queue }) }),
    }
  })
}

/** `attachBroker`, in a thread that has loaded the broker. */
export async function joinBroker(ticket: unknown, logger: Logger | false | undefined): Promise<Broker> {
  const session = await Session.attach(ticket, new Events(logger))
  const broker = new BrokerClient(session)
  sessions.set(broker, session)
  return broker
}

/** Starts the broker that these options ask for. */
export async function startBroker(
  checked: CheckedBrokerOptions,
  tuning?: StoreTuning,
  launched?: LaunchedControl,
): Promise<Broker> {
  const session = await Session.open(checked, tuning, launched).catch((error: unknown) => {
    throw deniedError(error, checked.dir) ?? error
  })
  const broker = new BrokerClient(session)
  sessions.set(broker, session)
  return broker
}
