/** Orders that fail, and their dead letters: what tests of letters and of replays begin with. */
import type { Broker, DeadLetter, Topic } from '../index.ts'
import { RejectError } from '../index.ts'
import { newName, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

/** A group that gives up soon. */
export const QUICK = { attempts: 2, backoff: { initialMs: 1, maxMs: 2, jitter: 0 } } as const

/** An order; one that is fixed is handled. */
export interface Order {
  readonly n: number
  readonly fix?: boolean
}

/** Orders of which those with an odd number fail, most as rejected; what is fixed is handled. */
export async function failures(
  count = 10,
  partitions = 2,
  opening: Promise<Broker> = sharedBroker(),
): Promise<{ broker: Broker; topic: Topic<Order>; handled: number[] }> {
  const broker = await opening
  const topic = await broker.topic<Order>(newName(), { partitions })
  const handled: number[] = []
  const run = await topic.group('g').handle(({ value }) => {
    if (value.n % 2 === 0 || value.fix === true) return void handled.push(value.n)
    if (value.n === 3) throw Object.assign(new TypeError('three is odd'), { code: 'E_THREE' })
    throw new RejectError(`${value.n} is odd`)
  }, QUICK)
  await topic.publishBatch(
    Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: { n }, partition: n % partitions })),
  )
  await run.idle()
  return { broker, topic, handled }
}

/** All that it has. */
export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const each of iterable) found.push(each)
  return found
}

/** Their orders, sorted. */
export const numbers = (letters: readonly DeadLetter<Order>[]): number[] =>
  letters.map(({ value }) => value.n).sort((a, b) => a - b)
