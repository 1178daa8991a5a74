/**
 * The topics that one thread publishes to, opened when first asked for and closed together.
 *
 * The producer's thread. One TopicProducer per topic, however often it is asked for.
 */

import { ownedHeaders } from '../log/format/headers.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { ControlApi } from '../wire/control-calls.ts'
import { kindOf, titleOf } from '../wire/produced-topic.ts'
import type { GrownTopic, NamedPlaces } from '../wire/producer-places.ts'
import type { RouteTarget } from '../wire/route-changes.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { Message, Receipt } from '../words/message.ts'
import { asEitherMessage, isRecord } from './checked-message.ts'
import { ExchangePublishes } from './exchange-publishes.ts'
import { ExchangeTables } from './exchange-tables.ts'
import { copyHeaders } from './given-headers.ts'
import { ownDate } from './message-fields.ts'
import { PartitionWriter } from './partition-writer.ts'
import type { ProducerUpcalls } from './producer-upcalls.ts'
import { Requests, type WantedAnswer } from './requests.ts'
import { TopicProducer } from './topic-producer.ts'
import { WaitingRoom } from './waiting-room.ts'

/** The control calls that publishing needs. */
export type PublishingControl = Pick<
  ControlApi,
  'attachProducer' | 'attachProducerByName' | 'replaceRing' | 'describeHold' | 'routeChanges' | 'cancelMessage'
>

type AsPromises<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never
}

/** Rings that are replaced at a time. */
const GIVEN_BACK_MAX = 64

export class Publishers {
  /** Those of this thread that wait for an answer. */
  readonly requests: Requests
  /** Where messages to exchanges go. */
  readonly routes: ExchangeTables
  /** What is published by exchanges. */
  readonly exchanges: ExchangePublishes
  readonly #thread: AttachedThread
  readonly #control: AsPromises<PublishingControl>
  readonly #upcalls: ProducerUpcalls
  readonly #room = new WaitingRoom()
  readonly #byName = new Map<string, Promise<TopicProducer>>()
  /** The producers of those that are open. */
  readonly #openByName = new Map<string, TopicProducer>()
  readonly #opened: TopicProducer[] = []
  /** Producers by name to which a publish may go at once, and publishes that still wait for theirs. */
  readonly #ready = new Map<string, TopicProducer>()
  readonly #behind = new Map<string, number>()
  /** What topics got that are being opened, by name, in order. */
  readonly #early = new Map<string, GrownTopic[]>()
  #failure: MillraceError | null = null

  constructor(
    thread: AttachedThread,
    control: AsPromises<PublishingControl>,
    told: Pick<ProducerUpcalls, 'stalled' | 'publishFailed'>,
  ) {
    this.#thread = thread
    this.requests = new Requests(thread, (queue, offset) => control.cancelMessage(queue, offset, null))
    thread.topicGone = topic => this.topicGone(topic)
    thread.memoryIsShort = () => this.#giveBack()
    this.#control = control
    this.routes = new ExchangeTables(thread.memory, thread.routes, position => control.routeChanges(position))
    this.#upcalls = {
      ...told,
      replaceRing: (ring, bytes) => control.replaceRing(thread.id, ring, bytes),
      describeHold: async (topic, partition) => (await control.describeHold(topic, partition)).text,
    }
    this.exchanges = new ExchangePublishes(this.routes, this, this.#room, this.#upcalls)
  }

  /** The producer of the topic of this name, which must exist. */
  open(name: string): Promise<TopicProducer> {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const opening = this.#control.attachProducerByName(this.#thread.id, name).then(places => {
      const producer = new TopicProducer(this.#thread, this.#upcalls, this.#room, places.topic, places.rings)
      if (this.#failure !== null) producer.fail(this.#failure)
      this.#opened.push(producer)
      if (this.#byName.get(name) === opening) this.#openByName.set(name, producer)
      this.#heardEarly(name)
      return producer
    })
    this.#byName.set(name, opening)
    // A failed attempt is forgotten, so that a topic created later can be opened.
    opening.catch(() => {
      this.#byName.delete(name)
      this.#heardEarly(name)
    })
    return opening
  }

  /** Topics have more partitions: what is published from now on goes to all of them. */
  grown(topics: readonly GrownTopic[]): void {
    for (const grown of topics) {
      const { name } = grown.topic
      // What it is opened with may be of before.
      if (this.#byName.has(name) && !this.#openByName.has(name))
        this.#early.set(name, [...(this.#early.get(name) ?? []), grown])
      else this.#grown(grown)
    }
  }

  #heardEarly(name: string): void {
    const early = this.#early.get(name) ?? []
    this.#early.delete(name)
    for (const grown of early) this.#grown(grown)
  }

  #grown({ topic, rings }: GrownTopic): void {
    const unused = new Set(rings)
    for (const producer of this.#opened.filter(one => one.topic.id === topic.id)) {
      const own = rings.filter(ring => ring.producer === producer.named)
      for (const ring of own) unused.delete(ring)
      producer.grown(
        topic,
        own.map(({ place }) => place),
      )
    }
    // Their producer has closed: they are given back.
    for (const { place } of unused) {
      new PartitionWriter(this.#thread.memory, place, this.#thread.id).close()
      this.#thread.ringHost(place.host, place.ring)
    }
  }

  /**
   * The producer of this topic of that name. One that was deleted, and had the name before, is let go; where the name has another topic by
   * now, that stays as it is.
   */
  async openTopic(name: string, topic: number): Promise<TopicProducer> {
    const isKnown = this.#byName.has(name)
    const producer = await this.open(name)
    if (producer.topic.id === topic) return producer
    if (!isKnown || !(await this.#isGone(producer))) throw deletedTopic(name, kindOf(producer.topic))
    this.topicGone(producer.topic.id)
    const next = await this.open(name)
    if (next.topic.id !== topic) throw deletedTopic(name, kindOf(next.topic))
    return next
  }

  /** Whether another topic has its name. */
  async #isGone({ topic: { id, name } }: TopicProducer): Promise<boolean> {
    const { topic } = await this.#control.attachProducerByName(this.#thread.id, name)
    return topic.id !== id
  }

  /** Memory is short: rings through which nothing has gone since that was heard last are made small, a few at a time. */
  #giveBack(): void {
    let left = GIVEN_BACK_MAX
    for (const producer of this.#opened) left -= producer.giveBack(left)
  }

  /** A topic was deleted: its producers here fail, and give their rings back. */
  topicGone(topic: number): void {
    for (const producer of this.#opened.filter(one => one.topic.id === topic)) {
      const { name } = producer.topic
      this.forget(producer)
      if (this.#openByName.get(name) === producer) {
        for (const map of [this.#byName, this.#openByName, this.#ready]) map.delete(name)
      }
      const error = deletedTopic(name, kindOf(producer.topic))
      producer.fail(error)
      this.requests.queueGone(topic, error)
      producer.close()
    }
  }

  /**
   * Publishes to the topic of this name, which must exist; bytes are taken as they are now. In the order of the calls:
   * those that wait for the topic to be opened go first. `kind`: what may have the name. `untilMs`: when a message to a queue is not worth
   * its work any more in any case, in `nowMs`.
   */
  publish(
    name: string,
    message: Message,
    kind: 'queue' | 'any' = 'any',
    untilMs: number = Number.POSITIVE_INFINITY,
  ): Promise<Receipt> {
    const options = untilMs === Number.POSITIVE_INFINITY ? undefined : { untilMs }
    const ready = this.#ready.get(name)
    if (ready !== undefined) return ofKind(ready, kind).publish(message, options)
    let taken: Message
    try {
      taken = ownedMessage(message)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#behind.set(name, (this.#behind.get(name) ?? 0) + 1)
    const passed = (): number => {
      const left = (this.#behind.get(name) as number) - 1
      if (left === 0) this.#behind.delete(name)
      else this.#behind.set(name, left)
      return left
    }
    return this.open(name).then(
      producer => {
        // Not one whose topic was deleted meanwhile.
        if (passed() === 0 && this.#openByName.get(name) === producer) this.#ready.set(name, producer)
        return ofKind(producer, kind).publish(taken, options)
      },
      error => {
        passed()
        throw error
      },
    )
  }

  /** Sends a request to the queue of this name, which must exist; until then bytes are taken as they are now. */
  async request(name: string, message: Message, options: WantedAnswer, untilMs: number): Promise<unknown> {
    const known = this.#openByName.get(name)
    if (known !== undefined) return this.requests.send(known, message, options, untilMs)
    return this.requests.send({ name, producer: this.open(name) }, ownedMessage(message), options, untilMs)
  }

  /** A producer of its own for a named one. */
  named({ topic, rings, state }: NamedPlaces): TopicProducer {
    const producer = new TopicProducer(this.#thread, this.#upcalls, this.#room, topic, rings, state.id)
    if (this.#failure !== null) producer.fail(this.#failure)
    this.#opened.push(producer)
    return producer
  }

  /** It is closed, and is asked for nothing any more. */
  forget(producer: TopicProducer): void {
    const index = this.#opened.indexOf(producer)
    if (index !== -1) this.#opened.splice(index, 1)
  }

  /** The open producer of this target. */
  openedFor({ name, id }: RouteTarget): TopicProducer | undefined {
    const producer = this.#openByName.get(name)
    return producer?.topic.id === id ? producer : undefined
  }

  /** Nothing comes any more: resolves when all that was published and is not answered is appended. */
  async flush(): Promise<void> {
    await this.exchanges.idle()
    await Promise.all(this.#opened.map(producer => producer.flush(true)))
  }

  /** Messages for a topic that wait for their producer's rate. */
  heldFor(topic: number): number {
    return this.#opened.reduce((sum, producer) => sum + (producer.topic.id === topic ? producer.held : 0), 0)
  }

  /** What is on its way or waits, and what holds it, in words. */
  async unanswered(): Promise<string> {
    const open = this.#opened.filter(producer => producer.unanswered > 0)
    const said = open.map(async producer => {
      const { topic, unanswered } = producer
      const hold = await producer.describeHold()
      return `${unanswered} for ${titleOf(topic)}${hold === '' ? '' : ` (${hold})`}`
    })
    const { waiting } = this.exchanges
    if (waiting > 0) said.push(Promise.resolve(`${waiting} for exchanges, which wait for bindings or for room`))
    return (await Promise.all(said)).join(', ')
  }

  /** Refuses what comes, and fails what is on its way. */
  fail(error: MillraceError): void {
    this.#failure = error
    this.exchanges.fail(error)
    for (const producer of this.#opened) producer.fail(error)
    this.requests.fail(error)
    this.#room.close()
  }
}

/** @throws MillraceError MILL_CONFIG_MISMATCH */
function ofKind(producer: TopicProducer, kind: 'queue' | 'any'): TopicProducer {
  if (kind === 'any' || producer.topic.queue !== undefined) return producer
  throw new MillraceError('MILL_CONFIG_MISMATCH', `${titleOf(producer.topic)} is no queue: use context.publish for it`)
}

/** A message whose bytes the caller cannot change any more. It has the fields that it was given: what it may have is seen later. */
function ownedMessage(message: Message): Message {
  const { key, value, headers, partition, timestamp, priority, delayMs, deliverAt, ttlMs, id } =
    asEitherMessage(message)
  return {
    key: key instanceof Uint8Array ? new Uint8Array(key) : key,
    value: value instanceof Uint8Array ? new Uint8Array(value) : value,
    headers: headers === undefined ? undefined : ownedHeaders(copyHeaders(headers)),
    ...given({ partition, timestamp, priority, delayMs, deliverAt: ownDate(deliverAt), ttlMs, id }),
    ...(isRecord(message) ? { deliveryAttempt: 1 } : {}),
  }
}

function given<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}
