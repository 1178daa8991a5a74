/**
 * A queue on disk to which no message comes writes nothing, however long it is there and however many consumers come and go.
 *
 * In the simulation, where time is virtual and each byte that is written to a file is counted.
 */
import t from 'tap'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { Queue } from '../../words/queue.ts'
import { portion } from '../fixtures/portion.fixture.ts'
import { CalmWorld } from './calm-world.fixture.ts'

const MINUTE_MS = 60_000
const MINUTES = 60
const ATTACHED = Math.ceil(10_000 / portion.of)
/** By then what messages were about is written down and synced. */
const SETTLE_MS = 20_000
const world = new CalmWorld()
/** Microtasks of the simulation do not run within another one of Node's. */
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

async function open(): Promise<readonly [Broker, Queue<string>]> {
  const options = { dir: '/idle', logger: false, partitionThreads: 1, memoryMaxBytes: 24 << 20 } as const
  const broker = await openBroker(options, { journalBytes: 65_536 })
  return [broker, await broker.queue<string>('jobs', { priorities: 4, attempts: 2 })]
}

/** Messages that are handled, come back, fail, and are dead letters; at last there is none. */
async function use(queue: Queue<string>): Promise<void> {
  await queue.sendBatch(Array.from({ length: 20 }, (_, priority) => ({ value: 'x', priority: priority % 4 })))
  let calls = 0
  const message = (): void => {
    if (++calls % 3 === 0) throw new Error('not now')
  }
  const run = await queue.handle(message, { prefetch: 4 })
  await run.idle()
  await run.stop()
}

async function comeAndGo(queue: Queue<string>, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const run = await queue.handle(() => undefined)
    await run.stop()
  }
}

async function restsIn(queue: Queue<string>, minutes: number, attached: number): Promise<ReadonlyMap<string, number>> {
  await inTurn(() => world.rest(SETTLE_MS))
  world.takeWrittenBytes()
  for (let minute = 0; minute < minutes; minute++) {
    await inTurn(() => world.act(() => comeAndGo(queue, Math.ceil(attached / minutes))))
    await inTurn(() => world.rest(MINUTE_MS))
  }
  return world.takeWrittenBytes()
}

// Source: https://github.com/rabbitmq/rabbitmq-server/issues/14202
// Source: https://github.com/rabbitmq/rabbitmq-server/issues/5257
t.test('a queue at rest, to which consumers come and go', async t => {
  const [broker, queue] = await inTurn(() => world.act(open))
  t.strictSame(Object.fromEntries(await restsIn(queue, 2, 200)), {}, 'a queue that is new')
  await inTurn(() => world.act(() => use(queue)))
  t.ok(world.takeWrittenBytes().size > 1, 'what is written is counted')
  t.strictSame(Object.fromEntries(await restsIn(queue, MINUTES, ATTACHED)), {}, 'one whose messages are settled')
  await inTurn(() => world.act(() => broker.close()))
})
