/** What tests of the public API share: brokers that are closed after the test, and ways to read what was published. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openBroker as openTuned } from './broker.ts'
import { type Broker, type BrokerOptions, createBroker, type Delivery, type Topic } from './index.ts'
import type { StoreTuning } from './session.ts'
import { slowness } from './slowness.fixture.ts'

const UNTIL_MS = 5_000
/** Two files of that size are filled with zeroes by each broker on a folder; by default they have 32 MiB each. */
const SMALL_JOURNAL: StoreTuning = { journalBytes: 1_024 * 1_024 }

/** A small broker that says nothing on stderr and is closed with the test. */
export async function openBroker(t: Test, options: BrokerOptions = {}): Promise<Broker> {
  const broker = await createBroker({ memoryMaxBytes: 256 * 1024 * 1024, logger: false, ...options })
  t.teardown(() => broker.close({ timeoutMs: 300 }).catch(() => undefined))
  return broker
}

export interface Folder {
  readonly dir: string
  /** A broker on the folder; it is closed with the test if it was not before, and then the folder is removed. */
  open(options?: BrokerOptions): Promise<Broker>
}

/** A folder for brokers that come one after the other; their journals are small, if these are not what is tested. */
export function folderOf(t: Test, tuning: StoreTuning = SMALL_JOURNAL): Folder {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const opened: Broker[] = []
  t.teardown(async () => {
    await Promise.all(opened.map(broker => broker.close({ timeoutMs: 2_000 }).catch(() => undefined)))
    rmSync(dir, { recursive: true })
  })
  return {
    dir,
    async open(options) {
      const broker = await openTuned({ dir, memoryMaxBytes: 256 * 1024 * 1024, logger: false, ...options }, tuning)
      opened.push(broker)
      return broker
    },
  }
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

/** This thread does nothing, and costs nothing, for so long. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Waits until `condition` holds; fails after five seconds, or after as much longer as the machine is slow. */
export async function until(condition: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const since = performance.now()
  while (!(await condition())) {
    const late = performance.now() - since > UNTIL_MS
    if (late && performance.now() - since > UNTIL_MS * slowness())
      throw new Error(`${what} did not come true within ${UNTIL_MS} ms`)
    await delay(5)
  }
}
