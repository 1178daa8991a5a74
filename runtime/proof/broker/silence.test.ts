/** What was silent: records that nobody keeps, handlers that fail, windows that nothing leaves. */
import { filter } from 'rxjs'
import t from 'tap'
import { STALLED_MS } from '../../base/clock.ts'
import { scriptedCounts } from '../../delivery/fixtures/scripted.fixture.ts'
import { type BrokerEvents, defineHandler, type Logger, type MessageHandler } from '../../index.ts'
import { delay, openBroker, rejection, SMALL, until } from '../fixtures/broker.fixture.ts'

function lines(): { readonly logger: Logger; readonly said: string[] } {
  const said: string[] = []
  return { said, logger: { warn: line => void said.push(line), error: line => void said.push(line) } }
}

t.test('records that are dropped for want of a group are told at the first drop, with what to do', async t => {
  const { logger, said } = lines()
  const broker = await openBroker(t, { logger })
  const topic = await broker.topic<string>('clicks', SMALL)
  for (let n = 0; n < 3; n++)
    await topic.publishBatch(Array.from({ length: 100 }, () => ({ value: 'x'.repeat(1_000) })))
  await until(() => said.length > 0)
  t.match(said, [
    /^millrace: topic clicks has no group.*: it has dropped \d+ of partition 0 \(\d+ so far\).*groups: \['name'\]/,
  ])
})

t.test('drops are an event, whose numbers add up', async t => {
  const broker = await openBroker(t)
  const dropped: BrokerEvents['dropped'][] = []
  broker.on('dropped', event => dropped.push(event))
  const topic = await broker.topic<string>('clicks', SMALL)
  await topic.publishBatch(Array.from({ length: 200 }, () => ({ value: 'x'.repeat(1_000) })))
  // The last ones are told five seconds after the first, which is as long as a test waits.
  await delay(1_000)
  await until(async () => (await topic.stats()).dropped === dropped.at(-1)?.dropped, 'the last drop is told in time')
  t.equal(
    dropped.reduce((sum, { records }) => sum + records, 0),
    (await topic.stats()).dropped,
  )
})

t.test('the first failure of a handler is told at once, with where it was thrown', async t => {
  const { logger, said } = lines()
  const broker = await openBroker(t, { logger })
  const topic = await broker.topic<number>('orders')
  await topic.publishBatch([{ value: 1 }, { value: 2 }])
  const run = await topic.group('g').handle(
    ({ failedAttempts }) => {
      if (failedAttempts === 0) throw new TypeError('cannot read x')
    },
    { backoff: { initialMs: 1 } },
  )
  await run.idle()
  await until(() => said.length > 0)
  t.match(said, [
    /^millrace: group g failed at orders\/0 offset 0, attempt 1: cannot read x at .*silence\.test\.js:\d+/,
  ])
  t.equal(said.length, 1, 'the second failure is told by number')
})

t.test('a line says where in the code of its reader something was thrown, and nothing of ours', async t => {
  const { logger, said } = lines()
  const broker = await openBroker(t, { logger })
  const run = async (name: string, message: MessageHandler, output?: string): Promise<void> => {
    const topic = await broker.topic(name)
    await topic.publish({ value: 1 })
    const handled = await topic.group('g').handle(message, { attempts: 1, ...(output === undefined ? {} : { output }) })
    await handled.idle()
  }
  await broker.topic('out')
  await run('unknown', (_, context) => void context.publish('nope', { value: 1 }))
  await run('refused', () => 1n, 'out')
  await run('rejects', () => broker.deadLetters('out').replay(5 as never))
  const exits = await broker.topic('exits')
  await exits.publish({ value: { n: 0, act: 'exit' } })
  const handler = new URL('../../delivery/fixtures/scripted.fixture.js', import.meta.url)
  const crashed = await exits.group('g').run({ handler, threads: 1, attempts: 1, data: scriptedCounts(1) })
  await crashed.idle()
  await until(() => said.some(line => line.includes('as crashed')))
  const letters = said.filter(line => line.includes('was dead-lettered'))
  t.match(letters, [
    /no topic or queue nope[^/]*$/,
    /BigInt[^/]*$/,
    /silence\.test\.js:\d+:\d+\)?$/,
    /process\.exit\(\d+\)$/,
  ])
})

t.test('failures and dead letters are events with where they were thrown', async t => {
  const broker = await openBroker(t)
  const failed: BrokerEvents['attemptFailed'][] = []
  const letters: BrokerEvents['deadLettered'][] = []
  broker.on('attemptFailed', event => failed.push(event))
  broker.on('deadLettered', event => letters.push(event))
  const topic = await broker.topic<number>('orders')
  await topic.publish({ value: 1 })
  const run = await topic.group('g').handle(
    () => {
      throw new Error('no')
    },
    { attempts: 3, backoff: { initialMs: 1, maxMs: 1 } },
  )
  await run.idle()
  await until(() => letters.length === 1)
  t.match(failed, [{ topic: 'orders', group: 'g', offset: 0, failedAttempts: 1, failures: 1, message: 'no' }])
  t.match(failed[0]?.stack, /silence\.test\.js/)
  t.match(letters[0]?.stack, /silence\.test\.js/)
})

t.test('a `start` that fails names group, topic and partition, and has the error as its cause', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<number>('orders')
  const broken = defineHandler({
    start: () => {
      throw new RangeError('no database')
    },
    message: () => undefined,
  })
  const run = await topic.group('g').handle(broken)
  const error = await rejection(run.finished)
  t.match(error, { code: 'MILL_HANDLER', cause: { name: 'RangeError', message: 'no database' } })
  t.match(error.message, /`start` of the handler of group g, topic orders, failed for partition 0: no database/)
})

t.test('a full window from which nothing is settled is told once, of observe and of stream', async t => {
  const broker = await openBroker(t)
  const full: BrokerEvents['windowFull'][] = []
  broker.on('windowFull', event => full.push(event))
  const topic = await broker.topic<number>('orders')
  await topic.publishBatch(Array.from({ length: 100 }, (_, value) => ({ value })))
  const subscription = topic
    .group('odd')
    .observe({ window: 16 })
    .pipe(filter(({ value }) => value % 2 === 1))
    .subscribe(delivery => delivery.ack())
  const stream = topic.group('read').stream({ highWaterMark: 8 }).resume()
  const slow = topic.group('loop').consume()
  await slow.next()
  let settled = 0
  const busy = topic
    .group('busy')
    .observe({ window: 1 })
    .subscribe(delivery => {
      settled++
      setTimeout(() => delivery.settled || delivery.ack(), 200)
    })
  await delay(STALLED_MS)
  await until(() => full.length === 2, 'both are told')
  t.ok(settled > 3)
  t.strictSame(full.map(({ topic: name, group, window }) => [name, group, window]).sort(), [
    ['orders', 'odd', 16],
    ['orders', 'read', 8],
  ])
  subscription.unsubscribe()
  busy.unsubscribe()
  stream.destroy()
  await slow.return?.()
})
