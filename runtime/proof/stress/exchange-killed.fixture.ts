/** What the processes of exchange-kills.ts and their parent agree on: exchanges, targets, the bindings that come and go, and how all is opened. */
import type { Broker } from '../../words/broker.ts'
import type { Exchange } from '../../words/exchange.ts'
import type { Queue } from '../../words/queue.ts'
import type { Topic } from '../../words/topic.ts'

export interface KilledBinding {
  readonly exchange: 'events' | 'strict'
  readonly target: string
  readonly by: string
}

export interface RoutedValue {
  readonly key: string
}

/** Each process opens the folder, and journals are small. */
export const TUNING = { journalBytes: 1_048_576 } as const

export const QUEUES = { x0: 'fsync', x1: 'fsync', x2: 'os', x3: 'os', rest: 'os' } as const
export const TOPIC = 't0'
const PATTERNS = ['a.#', '*.b', '#', 'c'] as const

/** Bindings that come and go. `inner` leads to x3 and to the topic at all times, and `others`, the alternate of `events`, to `rest`. */
export const BINDINGS: readonly KilledBinding[] = [
  ...['x0', 'x1', 'x2', 'x3', TOPIC, 'inner'].flatMap(target =>
    PATTERNS.map(by => ({ exchange: 'events' as const, target, by })),
  ),
  ...['x0', 'x2', 'inner'].map(target => ({ exchange: 'strict' as const, target, by: 'k' })),
]

/** What messages are published by. */
export const ROUTES: readonly (readonly [exchange: KilledBinding['exchange'], key: string])[] = [
  ['events', 'a.b'],
  ['events', 'a'],
  ['events', 'c'],
  ['events', 'x.b'],
  ['events', 'z'],
  ['strict', 'k'],
  ['strict', 'other'],
]

export interface OpenedHouse {
  readonly exchanges: { readonly [name in KilledBinding['exchange']]: Exchange<RoutedValue> }
  readonly queues: readonly Queue<RoutedValue>[]
  readonly topic: Topic<RoutedValue>
  /** What a binding leads to. */
  targetOf(binding: KilledBinding): Queue<RoutedValue> | Topic<RoutedValue> | Exchange<RoutedValue>
}

/** Opens all of it; what there was of exchanges and bindings is as it was left. */
export async function openHouse(broker: Broker): Promise<OpenedHouse> {
  const queues: Queue<RoutedValue>[] = []
  for (const [name, durability] of Object.entries(QUEUES)) queues.push(await broker.queue(name, { durability }))
  const topic = await broker.topic<RoutedValue>(TOPIC, { durability: 'os' })
  const inner = await broker.exchange<RoutedValue>('inner', { type: 'fanout' })
  const others = await broker.exchange<RoutedValue>('others', { type: 'fanout' })
  const events = await broker.exchange<RoutedValue>('events', { type: 'topic', alternate: 'others' })
  const strict = await broker.exchange<RoutedValue>('strict', { type: 'direct' })
  const queueOf = (name: string): Queue<RoutedValue> => queues.find(each => each.name === name) as Queue<RoutedValue>
  await inner.bind(queueOf('x3'))
  await inner.bind(topic)
  await others.bind(queueOf('rest'))
  const targetOf = ({ target }: KilledBinding): ReturnType<OpenedHouse['targetOf']> =>
    target === 'inner' ? inner : target === TOPIC ? topic : queueOf(target)
  return { exchanges: { events, strict }, queues, topic, targetOf }
}
