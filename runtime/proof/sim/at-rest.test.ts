/**
 * Nothing spins while nothing changes: with work that waits, threads take as few steps as with none at all.
 *
 * Steps are turns of a thread's event loop in the simulation, where their number is exact. A thread that looked again and again
 * for something that cannot go on would take thousands in a minute.
 */
import t from 'tap'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { Topic } from '../../words/topic.ts'
import { CalmWorld, type Steps } from './calm-world.fixture.ts'

const MINUTE_MS = 60_000
/** By then what was done is over, such as writing a group's position down. */
const SETTLE_MS = 20_000
/**
 * With nothing to do: a host and the application's thread look around every five seconds. The control thread watches the others
 * twenty times a second, and the lock of a folder twice.
 */
const CALM_STEPS_MAX: Readonly<Record<string, number>> = { main: 20, control: 1_400, partition: 20 }
/** Calls that are pending, and publishes that wait, have a clock of four looks a second. */
const CLOCK_STEPS_MAX = 250
/** A group with a reader has its position on disk kept up ten times a second. */
const KEPT_STEPS_MAX = 610
/** Nothing else may look again and again. */
const OTHER_STEPS_MAX = 5

const world = new CalmWorld()
const never = (): Promise<void> => new Promise(() => undefined)
/** Node has a turn of its own for each test: microtasks of the simulation do not run within another one. */
const inTurn = <T>(act: () => T): Promise<T> =>
  new Promise((resolve, reject) =>
    setImmediate(() => {
      try {
        resolve(act())
      } catch (error) {
        reject(error)
      }
    }),
  )

/** What waits, by name: done on a topic of four partitions, and left alone. */
const WAITING: Readonly<Record<string, (broker: Broker, topic: Topic<string>) => Promise<void>>> = {
  'failures in a long backoff': async (_broker, topic) => {
    const options = { attempts: 5, backoff: { initialMs: 600_000, maxMs: 600_000, jitter: 0 } }
    await topic.group('failing').handle(() => {
      throw new Error('not yet')
    }, options)
    await topic.publishBatch([0, 1, 2, 3].map(partition => ({ partition, value: 'x' })))
  },
  'handlers that never settle': async (_broker, topic) => {
    await topic.group('hanging').handle(never, { concurrency: 4, handlerTimeoutMs: 600_000 })
    await topic.publishBatch([0, 1, 2, 3].map(partition => ({ partition, value: 'x' })))
  },
  'idle() of a paused run': async (_broker, topic) => {
    const run = await topic.group('paused').handle(() => undefined)
    await run.pause()
    await topic.publish({ partition: 0, value: 'x' })
    void run.idle().catch(() => undefined)
  },
  'at most once in hand': async (_broker, topic) => {
    await topic.group('once').handle(never, { delivery: 'at-most-once', handlerTimeoutMs: 600_000 })
    await topic.publishBatch([0, 0, 0].map(partition => ({ partition, value: 'x' })))
  },
  'a full topic with publishes that wait': async broker => {
    const full = await broker.topic<string>('full', {
      windowBytes: 65_536,
      maxMessageBytes: 5_000,
      durability: 'memory',
      groups: ['reader'],
    })
    const run = await full.group('reader').handle(() => undefined)
    await run.pause()
    for (let record = 0; record < 60; record++)
      void full.publish({ value: 'y'.repeat(4_000) }, { timeoutMs: 600_000 }).catch(() => undefined)
  },
  'consume with one in hand': async (_broker, topic) => {
    await topic.publishBatch([0, 1, 2, 3].map(partition => ({ partition, value: 'x' })))
    await topic.group('loop').consume().next()
  },
}

const CLOCKED = ['handlers that never settle', 'at most once in hand', 'a full topic with publishes that wait']

async function open(place: 'memory' | 'disk', name: string): Promise<readonly [Broker, Topic<string>]> {
  const broker = await openBroker(
    { logger: false, partitionThreads: 1, memoryMaxBytes: 24 << 20, ...(place === 'disk' ? { dir: `/${name}` } : {}) },
    { journalBytes: 65_536 },
  )
  return [broker, await broker.topic<string>('orders', { partitions: 4, windowBytes: 65_536, maxMessageBytes: 5_000 })]
}

/** How many more steps a thread may take in a minute than before. */
function mostFor(thread: string, place: 'memory' | 'disk', what: string): number {
  if (thread === 'main') return CLOCKED.includes(what) ? CLOCK_STEPS_MAX : OTHER_STEPS_MAX
  // The first group that has a reader; the others are kept up with it.
  const isFirst = what === Object.keys(WAITING)[0]
  return place === 'disk' && isFirst && thread.startsWith('partition') ? KEPT_STEPS_MAX : OTHER_STEPS_MAX
}

for (const place of ['memory', 'disk'] as const)
  t.test(`in ${place}`, async t => {
    const [broker, topic] = await inTurn(() => world.act(() => open(place, place)))
    const minute = async (): Promise<Steps> => {
      await inTurn(() => world.rest(SETTLE_MS))
      return inTurn(() => world.rest(MINUTE_MS))
    }
    let before = await minute()
    for (const kind of Object.keys(CALM_STEPS_MAX))
      for (const [thread, count] of before)
        if (thread.startsWith(kind)) t.ok(count <= (CALM_STEPS_MAX[kind] as number), `${thread} took ${count} steps`)
    for (const [what, wait] of Object.entries(WAITING)) {
      await inTurn(() => world.act(() => wait(broker, topic)))
      const steps = await minute()
      for (const [thread, count] of steps) {
        const more = count - (before.get(thread) ?? 0)
        const most = mostFor(thread, place, what)
        t.ok(more <= most, `${what}: ${thread} took ${more} steps more, and ${most} are the most`)
      }
      before = steps
    }
    await inTurn(() => world.act(() => broker.close({ timeoutMs: 100 }).catch(() => undefined)))
  })
