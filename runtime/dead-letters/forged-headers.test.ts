/** Headers that publishers send under names of the broker's own. */
import t from 'tap'
import { RejectError, type Run } from '../index.ts'
import { folderOf, rejection } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

const reject = (): never => {
  throw new RejectError('never')
}

t.test('headers that a publisher calls by our names spoil no letter', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  const run = await topic.group('g').handle(reject)
  const headers = { mine: 'x', 'millrace-replayed': '99', 'millrace-reason': 'fake', 'millrace-topic': 'other' }
  await topic.publish({ value: 1, headers })
  await run.idle()
  const letters = broker.deadLetters<number>(topic)
  for (const replayed of [0, 1, 2]) {
    for await (const letter of letters.browse())
      t.match(letter, { topic: topic.name, group: 'g', reason: 'rejected', replayed, headers: { mine: 'x' } })
    t.match(await letters.replay({}, { replaysMax: 2 }), {
      replayed: replayed < 2 ? 1 : 0,
      parked: replayed < 2 ? 0 : 1,
    })
    await run.idle()
  }
})

t.test('a letter has every header of its publisher, whatever its name', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  const run = await topic.group('g').handle(reject)
  const given = {
    'millrace-before-x': 'before',
    'millrace-x': 'now',
    'millrace-before-topic': 'a topic',
    'millrace-before-before-topic': 'another',
    [`millrace-${'n'.repeat(991)}`]: 'as long as a name may be',
  }
  await topic.publish({ value: 1, headers: given })
  await run.idle()
  const letters = broker.deadLetters<number>(topic)
  for await (const { headers } of letters.browse()) t.strictSame({ ...headers }, given)
  const handled = topic.group('again')
  const seen: unknown[] = []
  const again: Run = await handled.handle(({ headers }) => void seen.push(headers))
  await again.idle()
  t.match(await letters.replay({}), { replayed: 1 })
  await again.idle()
  t.strictSame(
    seen.map(headers => ({ ...(headers as object) })),
    [given, { ...given, 'millrace-replayed': '1' }],
  )
})

t.test('so many headers under our names are refused that a letter could not hold them', async t => {
  const topic = await newTopic<number>({ groups: ['g'] })
  const many = (count: number): [string, string][] => Array.from({ length: count }, (_, n) => [`millrace-${n}`, ''])
  for (const headers of [Object.fromEntries(many(1_001)), new Map(many(1_001))])
    t.match(await rejection(topic.publish({ value: 1, headers })), {
      code: 'MILL_UNSERIALISABLE',
      message: /1,000 header names may start with millrace-, not 1,001/,
    })
  t.equal((await topic.publish({ value: 1, headers: new Map([...many(1_000), ['mine', '']]) })).offset, 0)
})

t.test('a letter with all of that is whole when its folder is opened again', async t => {
  const folder = folderOf(t)
  const bytes = 70_000
  const first = await folder.open()
  const topic = await first.topic<number>('orders', { maxMessageBytes: bytes, segmentBytes: 65_536 })
  const run = await topic.group('g').handle(reject)
  const names = Array.from({ length: 1_000 }, (_, n) => `millrace-${n}`.padEnd(50, '-'))
  const headers = Object.fromEntries(names.map(name => [name, '0123456789']))
  await topic.publish({ value: 1, headers })
  await run.idle()
  await first.close()
  const second = await folder.open()
  const letters = second.deadLetters(await second.topic('orders'))
  for await (const letter of letters.browse()) t.strictSame({ ...letter.headers }, headers)
  t.equal(await letters.count(), 1)
})
