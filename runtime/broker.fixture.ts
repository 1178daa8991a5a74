/** What tests of the public API share: brokers that are closed after the test, and ways to read what was published. */
import type { Test } from 'tap'
import { type Broker, type BrokerOptions, createBroker, type Delivery, type Topic } from './index.ts'

/** A small broker that says nothing on stderr and is closed with the test. */
export async function openBroker(t: Test, options: BrokerOptions = {}): Promise<Broker> {
  const broker = await createBroker({ memoryMaxBytes: 256 * 1024 * 1024, logger: false, ...options })
  t.teardown(() => broker.close({ timeoutMs: 300 }).catch(() => undefined))
  return broker
}

/** The smallest topic there is: full after a few hundred records of a kilobyte. */
export const SMALL = { windowBytes: 65_536, maxMessageBytes: 4_096 } as const

/** Reads what a topic holds now through a group of its own, in the order of each partition. */
export async function readAll<V>(topic: Topic<V>, group = 'reader'): Promise<Delivery<V>[]> {
  const read: Delivery<V>[] = []
  const run = await topic.group(group).handle(delivery => void read.push(delivery))
  await run.idle()
  await run.stop()
  return read
}

/** Values by partition, in the order in which they were read. */
export function byPartition<V>(read: readonly Delivery<V>[]): Map<number, V[]> {
  const found = new Map<number, V[]>()
  for (const { partition, value } of read) found.set(partition, [...(found.get(partition) ?? []), value])
  return found
}

/** The rejection of a promise that should reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  return promise.then(
    () => {
      throw new Error('it should have been rejected')
    },
    (error: Error) => error,
  )
}

export function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Waits until `condition` holds; fails after five seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const end = performance.now() + 5_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what} did not come true within 5 s`)
    await delay(5)
  }
}
