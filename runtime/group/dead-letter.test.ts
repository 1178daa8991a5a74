/** Retries and dead letters as a user of the public door sees them. */
import t from 'tap'
import { type BrokerEvents, type Delivery, RejectError } from '../index.ts'
import { delay, readAll, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const

t.test('a failing record is tried as often as it may, in order, with its counts; then it is a dead letter', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<string>()
  const dead: BrokerEvents['deadLettered'][] = []
  t.teardown(
    broker.on('deadLettered', event => {
      if (event.topic === topic.name) dead.push(event)
    }),
  )
  const log: string[] = []
  const run = await topic.group('g').handle(
    ({ value, deliveryAttempt, failedAttempts }) => {
      log.push(`${value} ${deliveryAttempt} ${failedAttempts}`)
      if (value === 'bad' || (value === 'twice' && failedAttempts < 2)) throw new TypeError(`no ${value}`)
    },
    { attempts: 3, ...QUICK },
  )
  await topic.publishBatch(['a', 'bad', 'b', 'twice', 'c'].map(value => ({ value })))
  await run.idle()
  t.strictSame(log, ['a 1 0', 'bad 1 0', 'bad 2 1', 'bad 3 2', 'b 1 0', 'twice 1 0', 'twice 2 1', 'twice 3 2', 'c 1 0'])
  t.match(await run.stats(), { processed: 4, deadLettered: 1, failures: 5, lag: 0 })
  await until(() => dead.length > 0)
  t.match(dead[0]?.stack, /TypeError: no bad\n.*dead-letter\.test/)
  t.strictSame(
    dead.map(({ stack: _, ...event }) => event),
    [{ topic: topic.name, partition: 0, offset: 1, group: 'g', reason: 'failed', message: 'no bad' }],
  )
})

t.test('the wait before a retry doubles up to its ceiling', async t => {
  const topic = await newTopic<string>()
  const at: number[] = []
  const run = await topic.group('g').handle(
    () => {
      at.push(performance.now())
      throw new Error('no')
    },
    { attempts: 5, backoff: { initialMs: 20, maxMs: 60, jitter: 0 } },
  )
  await topic.publish({ value: 'x' })
  await run.idle()
  const waits = at.slice(1).map((time, index) => time - (at[index] as number))
  t.equal(waits.length, 4)
  for (const [index, least] of [20, 40, 60, 60].entries())
    t.ok((waits[index] as number) >= least - 2, `wait ${index} of ${waits[index]} ms`)
})

t.test('a dead letter is the record itself, with headers that say why', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<Uint8Array | null>({ codec: 'bytes', partitions: 2 })
  const key = new Uint8Array([255, 0, 7])
  const value = new Uint8Array([1, 2, 254, 0])
  await topic.publish({ value: new Uint8Array(1), partition: 1 })
  await topic.publish({
    key,
    value,
    partition: 1,
    timestamp: 12_345,
    headers: { mine: 'yes', bytes: new Uint8Array([9]) },
  })
  await topic.publish({ key: 'text', value: null, partition: 0 })
  const before = Date.now()
  const run = await topic.group('g').handle(
    ({ valueBytes }) => {
      if (valueBytes?.length === 1) return
      throw Object.assign(new RangeError('out of stock'), { code: 'E_STOCK' })
    },
    { attempts: 2, ...QUICK },
  )
  await run.idle()
  await run.stop()
  const letters = (await readAll(await broker.topic<Uint8Array | null>(`${topic.name}.g.dlq`))).sort(
    (a, b) => a.partition - b.partition,
  )
  t.equal(letters.length, 2)
  const [tombstone, letter] = letters as [Delivery<Uint8Array | null>, Delivery<Uint8Array | null>]
  t.strictSame([tombstone.key, tombstone.value, tombstone.partition], ['text', null, 0])
  t.strictSame(
    [[...(letter.keyBytes ?? [])], [...(letter.value ?? [])], letter.timestamp],
    [[255, 0, 7], [1, 2, 254, 0], 12_345],
  )
  const {
    mine,
    bytes,
    'millrace-error-stack': stack,
    'millrace-first-failure': first,
    'millrace-last-failure': last,
    ...headers
  } = letter.headers
  t.equal(mine, 'yes')
  t.strictSame([...(bytes as Uint8Array)], [9])
  t.match(stack, /out of stock[\s\S]+dead-letter\.test/)
  for (const time of [first, last]) t.ok(Date.parse(time as string) >= before)
  t.strictSame(
    { ...headers },
    {
      'millrace-topic': topic.name,
      'millrace-partition': '1',
      'millrace-offset': '1',
      'millrace-group': 'g',
      'millrace-reason': 'failed',
      'millrace-failed-attempts': '2',
      'millrace-error-name': 'RangeError',
      'millrace-error-message': 'out of stock',
      'millrace-error-code': 'E_STOCK',
    },
  )
})

t.test('a rejected record and one that does not decode are dead letters at once', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<unknown>({ codec: 'json' })
  const raw = await newTopic<string>({ codec: 'string' })
  const letters = await newTopic()
  const reasons: string[] = []
  t.teardown(
    broker.on('deadLettered', ({ topic: name, reason, message }) => {
      if ([topic, raw, letters].some(each => each.name === name)) reasons.push(`${name} ${reason}: ${message}`)
    }),
  )
  const calls: unknown[] = []
  const run = await topic.group('g').handle(
    async ({ value }) => {
      calls.push(value)
      await delay(1)
      if (value === 1) throw new RejectError('not one')
      if (value === 2) throw Object.assign(new Error('from elsewhere'), { code: 'MILL_REJECTED' })
    },
    { attempts: 2, ...QUICK },
  )
  await topic.publishBatch([{ value: 1 }, { value: 2 }, { value: 3 }])
  await run.idle()
  t.strictSame(calls, [1, 2, 2, 3], 'only a RejectError rejects')
  // What does not decode comes from another codec: here from a dead-letter topic that two topics share.
  const mixed = await raw.group('g').handle(
    () => {
      throw new RejectError('on')
    },
    { deadLetter: letters.name },
  )
  await raw.publishBatch([{ value: '{not json' }, { value: '"json"' }])
  await mixed.idle()
  let handled = 0
  const reading = await letters.group('g').handle(({ value }) => {
    t.equal(value, 'json')
    handled++
  })
  await reading.idle()
  t.equal(handled, 1)
  t.match(await reading.stats(), { processed: 1, deadLettered: 1, failures: 1 })
  await until(() => reasons.length === 5)
  t.strictSame(
    reasons.sort(),
    [
      `${letters.name} decode: `,
      `${topic.name} failed: from elsewhere`,
      `${topic.name} rejected: not one`,
      `${raw.name} rejected: on`,
      `${raw.name} rejected: on`,
    ]
      .map(start => reasons.find(reason => reason.startsWith(start)) ?? `missing: ${start}`)
      .sort(),
  )
})

t.test('with endless attempts a failure is retried for ever, and a rejection is still a dead letter', async t => {
  const topic = await newTopic<string>()
  let failures = 0
  const run = await topic.group('g').handle(
    ({ value }) => {
      if (value === 'reject') throw new RejectError()
      if (value === 'fail' && failures++ < 30) throw new Error('not yet')
    },
    { attempts: Number.POSITIVE_INFINITY, ...QUICK },
  )
  await topic.publishBatch([{ value: 'reject' }, { value: 'fail' }, { value: 'ok' }])
  await run.idle()
  t.match(await run.stats(), { processed: 2, deadLettered: 1, failures: 31 })
  const none = await topic.group('none').handle(
    ({ value, failedAttempts }) => {
      if (value === 'reject' && failedAttempts < 3) throw new RejectError()
    },
    { attempts: Number.POSITIVE_INFINITY, deadLetter: false, ...QUICK },
  )
  await none.idle()
  t.match(
    await none.stats(),
    { processed: 3, deadLettered: 0 },
    'where there is no dead-letter topic nothing is dropped',
  )
})

t.test('a full dead-letter topic holds the source, and nothing is lost', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<{ n: number; pad: string }>(SMALL)
  const run = await topic.group('g').handle(() => {
    throw new RejectError('never')
  })
  const count = 600
  const publishing = topic.publishBatch(
    Array.from({ length: count }, (_, n) => ({ value: { n, pad: 'x'.repeat(500) } })),
  )
  const letters = await broker.topic<{ n: number }>(`${topic.name}.g.dlq`)
  await delay(300)
  t.ok((await run.stats()).deadLettered < count, 'it is full')
  const seen: number[] = []
  const reading = await letters.group('r').handle(({ value }) => void seen.push(value.n))
  await publishing
  await run.idle()
  await reading.idle()
  t.strictSame(
    seen,
    Array.from({ length: count }, (_, n) => n),
  )
  t.match(await run.stats(), { processed: 0, deadLettered: count, lag: 0 })
})
