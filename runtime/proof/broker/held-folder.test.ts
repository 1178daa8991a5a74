/** A folder that is no longer its broker's, and brokers whose thread is gone. Real threads and files. */
import { once } from 'node:events'
import { cpSync, lstatSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Broker, BrokerEvents, Topic } from '../../index.ts'
import { folderOf, readAll, rejection, until } from '../fixtures/broker.fixture.ts'
import { DOOR } from '../fixtures/door.fixture.ts'

interface Told {
  readonly broker: Broker
  readonly topic: Topic<number>
  readonly events: BrokerEvents['failed'][]
}

async function opened(open: () => Promise<Broker>): Promise<Told> {
  const broker = await open()
  const events: BrokerEvents['failed'][] = []
  broker.on('failed', event => events.push(event))
  const topic = await broker.topic<number>('orders')
  await topic.publish({ value: 1 })
  return { broker, topic, events }
}

/** Publishes until that is refused, and returns why. */
async function refusal(topic: Topic<number>): Promise<Error & { code?: unknown }> {
  let refused: (Error & { code?: unknown }) | null = null
  await until(async () => {
    refused = await topic.publish({ value: 2 }).then(
      () => null,
      error => error,
    )
    return refused !== null
  }, 'a refusal')
  return refused as never
}

const TAKEN: readonly (readonly [string, (dir: string) => unknown])[] = [
  ['was removed', dir => rmSync(dir, { recursive: true })],
  [
    'was replaced by a copy',
    dir => {
      renameSync(dir, `${dir}-away`)
      cpSync(`${dir}-away`, dir, { recursive: true, filter: file => !lstatSync(file).isSocket() })
    },
  ],
]

for (const [what, take] of TAKEN)
  t.test(`a broker whose folder ${what} acknowledges nothing more, and says why`, async t => {
    const { dir, open } = folderOf(t)
    const { broker, topic, events } = await opened(open)
    take(dir)
    t.teardown(() => rmSync(`${dir}-away`, { recursive: true, force: true }))
    t.match(await refusal(topic), { code: 'MILL_LOCKED', message: /open it again/ })
    t.match(await rejection(topic.publish({ value: 3 })), { code: 'MILL_LOCKED' })
    await until(() => broker.closed, 'its end')
    t.match(await rejection(broker.topic('others')), { code: 'MILL_LOCKED' })
    t.match(events, [{ topic: null, error: { code: 'MILL_LOCKED', message: new RegExp(`^${dir} is no longer`) } }])
    await (await open()).close()
  })

t.test('a broker whose lock was taken by hand gives way to the one that has it', async t => {
  const { dir, open } = folderOf(t)
  const { topic } = await opened(open)
  for (const file of ['LOCK', 'control.sock']) rmSync(join(dir, file))
  const second = await open()
  t.match(await refusal(topic), { code: 'MILL_LOCKED' })
  t.ok(await (await second.topic<number>('orders')).publish({ value: 9 }))
})

t.test('a broker is refused while another has its folder, also if LOCK is removed or the folder is moved', async t => {
  const { dir, open } = folderOf(t)
  const { topic } = await opened(open)
  t.match(await rejection(open()), { code: 'MILL_LOCKED', retriable: true, message: /another broker of this process/ })
  rmSync(join(dir, 'LOCK'))
  t.match(await rejection(open()), { code: 'MILL_LOCKED', message: /is in use by a broker/ })
  t.ok(await topic.publish({ value: 2 }))
})

t.test('a copy of a folder in use is opened by another broker', async t => {
  const { dir, open } = folderOf(t)
  const copy = folderOf(t)
  const { topic } = await opened(open)
  cpSync(dir, copy.dir, { recursive: true, filter: file => !lstatSync(file).isSocket() })
  const second = await copy.open()
  t.strictSame(
    (await readAll(await second.topic<number>('orders'))).map(({ value }) => value),
    [1],
  )
  t.ok(await topic.publish({ value: 2 }))
})

t.test('a broker whose thread was terminated leaves its folder to the next one', async t => {
  const { dir, open } = folderOf(t)
  const source = `import(${JSON.stringify(DOOR)}).then(async millrace => {
    const broker = await millrace.createBroker({ dir: ${JSON.stringify(dir)}, logger: false })
    await (await broker.topic('orders')).publish({ value: 1 })
    // A broker at rest keeps no thread alive.
    setInterval(() => undefined, 60_000)
    require('node:worker_threads').parentPort.postMessage('published')
  })`
  const worker = new Worker(source, { eval: true })
  await once(worker, 'message')
  t.match(await rejection(open()), { code: 'MILL_LOCKED' })
  await worker.terminate()
  const broker = await open()
  t.strictSame(
    (await readAll(await broker.topic<number>('orders'))).map(({ value }) => value),
    [1],
  )
})
