/** Tables of exchanges, and producers of their targets, that a test rules: when tables are fresh, which producers open, what they answer. */

import { NaiveExchanges } from '../routing/naive-exchanges.fixture.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { BoundBy, RoutedHeaders, RouteTarget, Target } from '../wire/route-changes.ts'
import { codecOf } from '../words/codec.ts'
import type { ExchangeType } from '../words/exchange.ts'
import type { Headers } from '../words/message.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import { MessageEncoder } from './message-encoder.ts'
import { PartitionChoice } from './partition-choice.ts'
import type { PendingPublish } from './pending-publish.ts'
import type { HoldUpcalls } from './producer-upcalls.ts'
import type { RouteProducers, ThreadRoutes } from './route-finder.ts'
import type { TopicProducer } from './topic-producer.ts'

export class ToyRoutes implements ThreadRoutes {
  fresh = true
  generation = 0
  looksAtHeaders = false
  /** Calls of `refresh` that nothing has answered. */
  readonly asked: { answer(): void; fail(error: Error): void }[] = []
  readonly #known = new NaiveExchanges()
  readonly #names: string[] = []
  /** What the tables lack. */
  #lacking: (() => void)[] = []

  declare(name: string, type: ExchangeType): number {
    this.#known.declare(name, type, null)
    return this.#names.push(name) - 1
  }

  /** Bound from the next refresh on. */
  bind(exchange: string, target: Target, by: BoundBy = ''): void {
    this.#lacking.push(() => this.#known.bind(exchange, target, by))
    this.fresh = false
  }

  forget(name: string): void {
    this.#lacking.push(() => {
      this.#known.forget(name)
      const number = this.#names.indexOf(name)
      if (number !== -1) this.#names[number] = ''
    })
    this.fresh = false
  }

  settle(): void {
    for (const change of this.#lacking) change()
    this.#lacking = []
    this.generation++
    this.fresh = true
  }

  refresh(): Promise<void> {
    return new Promise((resolve, reject) => {
      const answer = (): void => {
        this.settle()
        resolve()
      }
      this.asked.push({ answer, fail: reject })
    })
  }

  numberOf(exchange: string): number | undefined {
    const number = this.#names.indexOf(exchange)
    return number === -1 ? undefined : number
  }

  find(exchange: number, key: string, headers: RoutedHeaders | null): readonly RouteTarget[] | null {
    const name = this.#names[exchange] as string
    if (name === '') return null
    const names = this.#known.route(name, key, headers ?? {})
    return names.map(target => ({ kind: 'queue' as const, name: target, id: idOf(target) }))
  }
}

/** Of `q7` it is 7. */
function idOf(name: string): number {
  return Number(name.slice(1))
}

/** What a target got. */
export interface Got {
  readonly target: string
  readonly value: unknown
  readonly pending: PendingPublish
}

export const NO_HOLDS: HoldUpcalls = { describeHold: async () => '', stalled: () => undefined }

export class ToyProducers implements RouteProducers {
  readonly got: Got[] = []
  /** Names whose producers are open. */
  readonly open: Set<string> = new Set()
  /** Calls that open one, which nothing has answered. */
  readonly opening: { name: string; answer(): void; fail(error: Error): void }[] = []
  readonly #made = new Map<string, TopicProducer>()
  /** Of targets that differ from the others. */
  readonly shapes: Map<string, Partial<ProducedTopic>> = new Map()
  /** Hosts of targets that share one; left out: a target has its own. */
  readonly hosts: Map<string, number> = new Map()
  /** Names of targets to which no joint frame may go now. */
  readonly full: Set<string> = new Set()

  openedFor({ name }: RouteTarget): TopicProducer | undefined {
    return this.open.has(name) ? this.#producer(name) : undefined
  }

  openTopic(name: string): Promise<TopicProducer> {
    return new Promise((resolve, fail) => {
      const answer = (): void => {
        this.open.add(name)
        resolve(this.#producer(name))
      }
      this.opening.push({ name, answer, fail })
    })
  }

  #producer(name: string): TopicProducer {
    const known = this.#made.get(name)
    if (known !== undefined) return known
    const topic = { ...plainQueue(name), ...this.shapes.get(name) }
    const choice = new PartitionChoice(name, [{ isOpen: false, unread: 0 }])
    const encoder = new MessageEncoder(codecOf(topic.codec), choice)
    const producer: Pick<TopicProducer, 'topic' | 'choice' | 'checkOpen' | 'send' | 'hostOf' | 'joint' | 'appends'> = {
      topic,
      choice,
      checkOpen: () => undefined,
      hostOf: () => this.hosts.get(name) ?? idOf(name),
      joint: {
        ask: () => (this.full.has(name) ? 'later' : 'now'),
        thread: { drain: (then: () => void) => then() },
      } as unknown as TopicProducer['joint'],
      appends: {
        readRouted: (message: QueueMessage, header: Headers) => {
          encoder.readRouted(message, topic, header)
          return encoder
        },
        // Nothing goes into a frame at once.
        publishRouted: () => null,
      } as unknown as TopicProducer['appends'],
      send: pending => this.got.push({ target: name, value: pending.message.value, pending }),
    }
    this.#made.set(name, producer as TopicProducer)
    return producer as TopicProducer
  }
}

function plainQueue(name: string): ProducedTopic {
  return {
    id: idOf(name),
    name,
    partitions: 1,
    codec: 'json',
    maxMessageBytes: 1_000,
    onFull: 'wait',
    durability: 'memory',
    queue: {
      priorities: 2,
      maxMessages: Number.POSITIVE_INFINITY,
      maxBytes: Number.POSITIVE_INFINITY,
      onFull: 'wait',
      singleActive: false,
      messageTtlMs: Number.POSITIVE_INFINITY,
      keyConcurrency: Number.POSITIVE_INFINITY,
      keyOrder: 'fifo',
      rate: null,
      dedupeMs: 0,
      dedupeMaxIds: 0,
    },
  }
}
