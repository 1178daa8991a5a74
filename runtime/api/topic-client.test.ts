/** Opening topics and groups: names, options, mismatches, and what is said about them. */
import t from 'tap'
import { defineTopic, type TopicOptions } from '../index.ts'
import { openBroker, readAll, rejection, SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

const BAD_NAMES = [
  '',
  '.',
  '..',
  '../x',
  'a/b',
  'a\0b',
  '%2e',
  'x'.repeat(201),
  '\ud800',
  'ü',
  'CON',
  'con.txt',
  'a b',
  5,
  null,
  undefined,
  {},
]

t.test('names that are not allowed are refused, for topics and groups', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic()
  for (const name of BAD_NAMES) {
    t.match(await rejection(broker.topic(name as string)), { code: 'MILL_INVALID_NAME' }, `topic ${String(name)}`)
    t.throws(() => topic.group(name as string), { code: 'MILL_INVALID_NAME' }, `group ${String(name)}`)
  }
  t.match(await rejection(broker.topic('t', { groups: ['a/b'] })), { code: 'MILL_INVALID_NAME' })
  t.match(await rejection(topic.group('g').handle(() => undefined, { deadLetter: '../x' })), {
    code: 'MILL_INVALID_NAME',
  })
  t.match(await rejection(topic.group('g').handle(() => undefined, { output: '' })), { code: 'MILL_INVALID_NAME' })
})

t.test('names that objects have are names like any other', async t => {
  const broker = await sharedBroker()
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const topic = await broker.topic<string>(name)
    t.equal(topic.name, name)
    t.equal((await topic.publish({ value: name })).offset, 0)
    t.strictSame(
      (await readAll(topic, name)).map(({ value }) => value),
      [name],
    )
    t.equal((await topic.group(name).stats()).processed, 1)
    await topic.delete()
  }
  t.strictSame(Object.keys({}), [])
})

t.test('options are checked, and a misspelt one comes with a suggestion', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic()
  const wrong = await rejection(broker.topic('u', { partition: 4 } as TopicOptions))
  t.match(wrong, { code: 'MILL_UNKNOWN_OPTION', message: /partitions/ })
  t.match(await rejection(topic.group('g').handle(() => undefined, { atempts: 4 } as object)), {
    code: 'MILL_UNKNOWN_OPTION',
    message: /attempts/,
  })
  t.throws(() => topic.group('g').consume({ prefech: 4 } as object), { code: 'MILL_UNKNOWN_OPTION' })
  t.throws(() => topic.group('g').observe({ windw: 4 } as object), { code: 'MILL_UNKNOWN_OPTION', message: /window/ })
  t.throws(() => topic.group('g').observe({ window: 0 }), { code: 'MILL_OUT_OF_RANGE' })
  t.match(await rejection(topic.publish({ value: 1 }, { timeout: 5 } as object)), {
    code: 'MILL_UNKNOWN_OPTION',
    message: /timeoutMs/,
  })
  t.match(await rejection(topic.publishBatch([{ value: 1 }], { timeoutMs: -1 })), { code: 'MILL_OUT_OF_RANGE' })
  t.match(await rejection(broker.topic('u', { partitions: 0 })), { code: 'MILL_OUT_OF_RANGE' })
  t.match(await rejection(broker.topic('u', { maxMessageBytes: 65_536, windowBytes: 65_536 })), {
    code: 'MILL_OUT_OF_RANGE',
  })
  t.equal((await topic.publish({ value: 1 })).offset, 0, 'nothing was taken')
})

t.test('a topic that exists is the same topic; other settings are a mismatch', async t => {
  const broker = await sharedBroker()
  const name = newName()
  const definition = defineTopic<number>(name, { partitions: 3, ...SMALL, codec: 'json', onFull: 'wait' })
  const [first, second] = await Promise.all([broker.topic(definition), broker.topic(definition)])
  t.equal(first, second)
  t.equal((await broker.topic(name)).partitions, 3)
  const others: readonly TopicOptions[] = [
    { partitions: 4 },
    { codec: 'bytes' },
    { maxMessageBytes: 5_000 },
    { windowBytes: 131_072, maxMessageBytes: 4_096 },
    { onFull: 'reject' },
  ]
  for (const options of others) {
    const error = await rejection(broker.topic(name, options))
    t.match(error, { code: 'MILL_CONFIG_MISMATCH', message: new RegExp(Object.keys(options)[0] as string) })
  }
  t.equal((await first.publish({ value: 1, partition: 2 })).offset, 0)
})

t.test('a topic that does not fit in memory is refused, and leaves nothing behind', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 16 * 1024 * 1024 })
  t.match(await rejection(broker.topic('big', { partitions: 1_000 })), {
    code: 'MILL_MEMORY',
    message: /memoryMaxBytes/,
  })
  const topic = await broker.topic<number>('big', { partitions: 2, ...SMALL })
  t.equal((await topic.publish({ value: 1 })).offset, 0)
  const rings = await rejection(broker.topic('rings', { partitions: 220, ...SMALL }))
  t.match(rings, { code: 'MILL_MEMORY' }, 'its windows fit, its rings do not')
  t.equal((await topic.publish({ value: 2, partition: 0 })).partition, 0)
})

t.test('a record that needs a ring for which there is no memory is refused; small ones go on', async t => {
  const broker = await openBroker(t, { memoryMaxBytes: 8 * 1024 * 1024 })
  const topic = await broker.topic<string>('t', { codec: 'string', maxMessageBytes: 1_048_576, windowBytes: 2_097_152 })
  await broker.topic('u', { windowBytes: 2_097_152 })
  const large = topic.publish({ value: 'x'.repeat(1_000_000) })
  const small = topic.publish({ value: 'small' })
  t.match(await rejection(large), { code: 'MILL_MEMORY' })
  await small.catch(() => undefined)
  t.equal(typeof (await topic.publish({ value: 'after' })).offset, 'number')
})

t.test('a topic without groups keeps the newest, and counts what it dropped', async t => {
  const topic = await newTopic<number>(SMALL)
  for (let value = 0; value < 20_000; value += 500)
    await topic.publishBatch(Array.from({ length: 500 }, (_, at) => ({ value: value + at })))
  const { dropped, partitions } = await topic.stats()
  const [stats] = partitions
  t.equal(stats?.highWatermark, 20_000)
  t.equal(stats?.logStartOffset, dropped)
  t.ok(dropped > 15_000 && dropped < 20_000, `${dropped} were dropped`)
  t.ok((stats?.usedBytes ?? 0) <= (stats?.windowBytes ?? 0))
  const read = await readAll(topic)
  t.strictSame(
    read.map(({ value }) => value),
    Array.from({ length: 20_000 - dropped }, (_, at) => dropped + at),
  )
  t.equal((await topic.group('reader').stats()).processed, 20_000 - dropped)
})

t.test('groups named with the topic gate it from the start', async t => {
  const topic = await newTopic<number>({ ...SMALL, groups: ['g', 'h', 'g'] })
  const values = Array.from({ length: 8_000 }, (_, value) => value)
  const publishing = topic.publishBatch(values.map(value => ({ value })))
  const seen: number[][] = [[], []]
  const runs = await Promise.all(
    ['g', 'h'].map((name, at) =>
      topic.group(name).handle(({ value }) => void seen[at]?.push(value), { attempts: 3, backoff: { initialMs: 1 } }),
    ),
  )
  await publishing
  for (const run of runs) await run.idle()
  t.strictSame(seen, [values, values])
  t.equal((await topic.stats()).dropped, 0)
  t.match(
    await rejection(topic.group('g').handle(() => undefined, { attempts: 4 })),
    { code: 'MILL_CONFIG_MISMATCH' },
    'its first run has set its options',
  )
})

t.test('groups named for a topic that exists gate it from then on', async t => {
  const broker = await sharedBroker()
  const { name } = await newTopic<number>(SMALL)
  const topic = await broker.topic<number>(name, { groups: ['g'] })
  const publishing = topic.publishBatch(Array.from({ length: 8_000 }, (_, value) => ({ value })))
  t.equal((await readAll(topic, 'g')).length > 0, true)
  const rest = await topic.group('g').handle(() => undefined)
  await publishing
  await rest.idle()
  t.equal((await topic.group('g').stats()).processed, 8_000)
  t.equal((await topic.stats()).dropped, 0)
})
