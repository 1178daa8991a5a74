/** Handlers that move over records with a cursor: what they see, what is charged, what is acked, and what they may not do. */
import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { defineHandler, type Message, type RecordCursor, RejectError, type Run, type Topic } from '../index.ts'
import { folderOf, openBroker, readAll, rejection, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { type Scripted, scriptedCounts } from './fixtures/scripted.fixture.ts'

const QUICK = { backoff: { initialMs: 1, maxMs: 4, jitter: 0 } } as const
const SCRIPTED = new URL('./fixtures/records.fixture.js', import.meta.url)

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

async function topicOf(count: number): Promise<Topic<number>> {
  const topic = await newTopic<number>()
  await topic.publishBatch(numbers(count).map(value => ({ key: `k${value}`, value })))
  return topic
}

/** Handles all of it with this cursor's moves. */
async function handled(
  topic: Topic<number>,
  act: (records: RecordCursor<number>) => unknown,
  attempts = 2,
): Promise<Run> {
  const run = await topic.group('g').handle<unknown>({ records: act }, { attempts, ...QUICK })
  await run.idle()
  return run
}

async function deadOf(topic: Topic<number>): Promise<number[]> {
  const dead: number[] = []
  for await (const { offset } of (await sharedBroker()).deadLetters(topic.name).browse()) dead.push(offset)
  return dead
}

t.test('it moves over all records in order, in few calls, and they are acked', async t => {
  const topic = await topicOf(1_000)
  const seen: number[] = []
  let calls = 0
  const handler = defineHandler({
    start: () => ({ seen: 0 }),
    records(records: RecordCursor<number>, state: { seen: number }) {
      calls++
      while (records.next()) {
        state.seen++
        seen.push(records.value)
        if (records.offset !== records.value || records.key !== `k${records.value}`) t.fail(`at ${records.offset}`)
      }
    },
    stop: state => state.seen,
  })
  const run = await topic.group('g').handle(handler)
  await run.idle()
  t.strictSame(seen, numbers(1_000))
  t.ok(calls < 100, `${calls} calls`)
  t.match(await run.stats(), { processed: 1_000, failures: 0, lag: 0 })
  t.strictSame((await run.stop()).results, [1_000])
})

t.test(
  'its ranges are those of keys and values in its bytes, also with headers, without a key, of tombstones',
  async t => {
    for (const codec of ['bytes', 'string'] as const) {
      const topic = await newTopic<Uint8Array | string | null>({ codec })
      const value = (text: string): Uint8Array | string => (codec === 'bytes' ? Buffer.from(text) : text)
      const messages: Message<Uint8Array | string | null>[] = [
        { key: 'one', value: value('first') },
        { value: value('second'), headers: { a: 'b' } },
        { key: 'three', value: null, headers: { c: 'd' } },
        { key: new Uint8Array([1, 2]), value: value('') },
        { key: '', value: value('fifth') },
      ]
      await topic.publishBatch(messages)
      const seen: unknown[] = []
      const run = await topic.group('g').handle<unknown>({
        records(records: RecordCursor<unknown>, _state: undefined, { topic: name }) {
          const { bytes } = records
          while (records.next()) {
            const { keyStart, keyEnd, valueStart, valueEnd } = records
            if (codec === 'bytes' && valueStart % 8 > 0) if (valueStart !== -1) t.fail('not aligned')
            seen.push([
              keyStart === -1 ? null : bytes.toString('latin1', keyStart, keyEnd),
              valueStart === -1 ? valueEnd : bytes.toString('latin1', valueStart, valueEnd),
              { ...records.headers },
            ])
            t.same(
              records.keyBytes === null ? null : Buffer.from(records.keyBytes).toString('latin1'),
              (seen.at(-1) as unknown[])[0],
            )
            t.equal(records.topic, name)
            t.equal(records.timestamp > 1_600_000_000_000, true)
            t.match(records, { partition: 0, deliveryAttempt: 1, failedAttempts: 0 })
          }
        },
      })
      await run.idle()
      t.strictSame(seen, [
        ['one', 'first', {}],
        [null, 'second', { a: 'b' }],
        ['three', -1, { c: 'd' }],
        ['\x01\x02', '', {}],
        ['', 'fifth', {}],
      ])
      await run.stop()
    }
  },
)

t.test(
  'what it throws is charged to the record it stands on: none before comes again, none behind is lost',
  async t => {
    const topic = await topicOf(200)
    const seen: string[] = []
    const run = await handled(topic, records => {
      while (records.next()) {
        const { value, deliveryAttempt, failedAttempts } = records
        seen.push(`${value}/${deliveryAttempt}/${failedAttempts}`)
        if (value === 50 && failedAttempts === 0) throw new Error('once')
        if (value === 60) throw new Error('always')
        if (value === 70) throw new RejectError('not wanted')
      }
    })
    const wanted = numbers(200).flatMap(n => (n === 50 || n === 60 ? [`${n}/1/0`, `${n}/2/1`] : [`${n}/1/0`]))
    t.strictSame(seen, wanted)
    t.match(await run.stats(), { processed: 198, failures: 4, deadLettered: 2 })
    t.strictSame(await deadOf(topic), [60, 70])
    await run.stop()
  },
)

t.test('what it throws behind its last record, or before its first, is charged to that', async t => {
  const topic = await topicOf(3)
  let thrown = 0
  const run = await handled(
    topic,
    records => {
      if (records.bytes.length > 0 && thrown === 0 && thrown++ === 0) throw new Error('before the first')
      while (records.next());
      if (records.next()) t.fail('there is no more')
      if (thrown++ === 1) throw new Error(`behind ${records.value}`)
    },
    3,
  )
  const { failures, processed } = await run.stats()
  t.strictSame({ failures, processed }, { failures: 2, processed: 3 })
  await run.stop()
})

t.test('a thread that ends amid its records is charged to the one it stood on', async t => {
  const broker = await openBroker(t)
  const topic = await broker.topic<Scripted>('scripted')
  const acts = new Map<number, Scripted['act']>([
    [20, 'exitOnce'],
    [40, 'exit'],
    [60, 'throw'],
    [80, 'spin'],
    [99, 'exitOnce'],
  ])
  const counts = scriptedCounts(100)
  await topic.publishBatch(numbers(100).map(n => ({ value: { n, act: acts.get(n) } })))
  const run = await topic.group('g').run({
    handler: SCRIPTED,
    threads: 1,
    data: counts,
    attempts: 2,
    handlerTimeoutMs: 400,
    ...QUICK,
  })
  await run.idle()
  t.match(await run.stats(), { processed: 97, deadLettered: 3, failures: 8 })
  const letters = await readAll(await broker.topic<Scripted>('scripted.g.dlq'))
  t.strictSame(
    letters.map(({ value, headers }) => [value.n, headers['millrace-reason']]),
    [
      [40, 'crashed'],
      [60, 'failed'],
      [80, 'timeout'],
    ],
  )
  for (const n of numbers(100)) {
    const times = acts.has(n) ? 2 : 1
    if (counts.handed[n] !== times || counts.attempts[n] !== times)
      t.fail(`${n} was handed out ${counts.handed[n]} times`)
  }
  await run.stop()
})

t.test('a record that publishes is the last of its call, and is acked when that is confirmed', async t => {
  const topic = await topicOf(10)
  const out = await newTopic<number>({ maxMessageBytes: 1_024 })
  const calls: number[][] = []
  const run = await topic.group('g').handle<unknown>(
    {
      records(records: RecordCursor<number>, _state: undefined, { publish }) {
        const call: number[] = []
        calls.push(call)
        while (records.next()) {
          const { value } = records
          call.push(value)
          if (value === 3) void publish(out.name, { value })
          if (value === 6) void publish(out.name, { value: 'x'.repeat(2_000) })
        }
      },
    },
    { attempts: 1 },
  )
  await run.idle()
  t.strictSame(calls.flat(), numbers(10))
  const last = calls.map(call => call.at(-1))
  t.ok(last.includes(3) && last.includes(6), `the last of each call: ${last}`)
  t.match(await run.stats(), { processed: 9, failures: 1, deadLettered: 1 })
  t.strictSame(await deadOf(topic), [6], 'whose publish was refused')
  t.strictSame(
    (await readAll(out)).map(({ value }) => value),
    [3],
  )
  await run.stop()
})

t.test('a handler that returns early gets the rest in another call', async t => {
  const topic = await topicOf(9)
  const seen: number[] = []
  const run = await handled(topic, records => {
    for (let n = 0; n < 2 && records.next(); n++) seen.push(records.value)
  })
  t.strictSame(seen, numbers(9))
  t.match(await run.stats(), { processed: 9, failures: 0 })
  await run.stop()
})

t.test('a call ends with its turn, so that a slow handler holds up nothing else', async t => {
  const topic = await topicOf(20)
  const calls: number[] = []
  const run = await handled(topic, records => {
    let count = 0
    while (records.next()) {
      count++
      for (const until = performance.now() + 3; performance.now() < until; );
    }
    calls.push(count)
  })
  t.ok(calls.length >= 5, `${calls}`)
  t.equal(
    calls.reduce((a, b) => a + b),
    20,
  )
  await run.stop()
})

t.test(
  'its bytes are a copy: no change reaches another attempt or another call, and they may be transferred',
  async t => {
    const topic = await newTopic<Uint8Array>({ codec: 'bytes' })
    await topic.publishBatch(numbers(20).map(n => ({ key: `k${n}`, value: new Uint8Array(64).fill(n) })))
    const { port1, port2 } = new MessageChannel()
    const seen: number[] = []
    const run = await topic.group('g').handle<unknown>(
      {
        records(records: RecordCursor<Uint8Array>) {
          const { bytes } = records
          while (records.next()) {
            const { valueStart, valueEnd, offset, failedAttempts } = records
            const value = bytes.subarray(valueStart, valueEnd)
            if (value.length !== 64 || value.some(byte => byte !== offset)) t.fail(`offset ${offset} is ${value}`)
            seen.push(offset)
            if (offset === 5 && failedAttempts === 0) {
              value.fill(255)
              throw new Error('again')
            }
            if (offset === 10) port1.postMessage(bytes, [bytes.buffer as ArrayBuffer])
            if (offset === 10) return
          }
        },
      },
      QUICK,
    )
    await run.idle()
    t.strictSame(seen, [...numbers(6), ...numbers(20).slice(5)])
    const [sent] = (await once(port2, 'message')) as [Uint8Array]
    t.equal(sent.includes(10), true, 'who has them keeps them')
    port2.close()
    await run.stop()
  },
)

t.test('behind its call its bytes are empty; what was taken out of it stays, however many fetches follow', async t => {
  const topic = await newTopic<Uint8Array>({ codec: 'bytes' })
  const filled = (n: number): Uint8Array => new Uint8Array(100).fill(n % 251)
  await topic.publishBatch(
    numbers(2_000).map(n => ({ key: new Uint8Array([n % 251]), value: filled(n), headers: { n: filled(n) } })),
  )
  const views: Uint8Array[] = []
  const kept: unknown[][] = []
  const run = await topic.group('g').handle<unknown>({
    records(records: RecordCursor<Uint8Array>) {
      const { bytes } = records
      views.push(bytes, bytes.subarray(8), new Uint8Array(bytes.buffer as ArrayBuffer))
      while (records.next()) {
        const { valueStart, valueEnd, value, keyBytes, headers } = records
        kept.push([value, keyBytes, headers.n, Buffer.from(bytes.subarray(valueStart, valueEnd))])
      }
    },
  })
  await run.idle()
  t.ok(views.length > 9, `${views.length} views`)
  t.ok(views.every(({ length }) => length === 0))
  t.throws(() => views[0]?.fill(1), TypeError)
  for (const [n, [value, key, header, copy]] of kept.entries()) {
    const is = (bytes: unknown, length: number): boolean =>
      (bytes as Uint8Array).length === length && (bytes as Uint8Array).every(byte => byte === n % 251)
    if (!is(value, 100) || !is(key, 1) || !is(header, 100) || !is(copy, 100)) t.fail(`at ${n}`)
  }
  t.equal(kept.length, 2_000)
  await run.stop()
})

t.test(
  'a cursor that is kept throws, whatever is asked of it; so does one that stands before its first record',
  async t => {
    const topic = await topicOf(5)
    let kept: RecordCursor<number> | undefined
    const early: unknown[] = []
    const run = await handled(topic, records => {
      kept = records
      for (const name of ['value', 'offset', 'keyStart', 'valueEnd', 'headers'] as const) {
        try {
          void records[name]
        } catch (error) {
          early.push((error as { readonly code?: unknown }).code)
        }
      }
      while (records.next());
    })
    t.ok(early.length >= 5 && early.every(code => code === 'MILL_HANDLER'), String(early))
    const cursor = kept as RecordCursor<number>
    t.throws(() => cursor.next(), { code: 'MILL_SETTLED', message: /its call is over/ })
    for (const name of ['bytes', 'value', 'offset', 'key', 'keyEnd', 'valueStart', 'timestamp', 'topic'] as const)
      t.throws(() => cursor[name], { code: 'MILL_SETTLED' }, name)
    await run.stop()
  },
)

t.test('a promise, or a call without `next`, fails the run, and no record is charged', { timeout: 20_000 }, async t => {
  const cases: readonly (readonly [(records: RecordCursor<number>) => unknown, RegExp])[] = [
    [
      records => {
        records.next()
        return Promise.reject(new Error('late'))
      },
      /returned a promise, and a cursor ends with its call/,
    ],
    [() => undefined, /without a call of `next`/],
  ]
  for (const [act, message] of cases) {
    const topic = await topicOf(3)
    const run = await topic.group('g').handle<unknown>({ records: act as () => void }, { attempts: 2, ...QUICK })
    let failed: unknown
    void rejection(run.finished).then(error => {
      failed = error
    })
    await until(() => failed !== undefined)
    t.match(failed, { code: 'MILL_HANDLER', message })
    const again = await handled(topic, records => {
      while (records.next()) t.equal(records.failedAttempts, 0)
    })
    t.match(await again.stats(), { processed: 3, failures: 0 })
    await again.stop()
  }
})

t.test('what a cursor cannot do is refused before anything moves', async t => {
  const topic = await topicOf(1)
  const records = (): void => undefined
  const refused = /moves over each partition in order/
  for (const options of [
    { concurrency: 2 },
    { retryOrder: 'key' },
    { retryOrder: 'none' },
    { delivery: 'at-most-once' },
    { output: 'out' },
  ] as const)
    t.match(await rejection(topic.group('h').handle<unknown>({ records }, options)), {
      code: 'MILL_HANDLER',
      message: refused,
    })
  t.match(await rejection(topic.group('h').handle<unknown>({ records }, { batch: { maxRecords: 2 } })), {
    code: 'MILL_HANDLER',
    message: /this one has `records`/,
  })
  const queue = await (await sharedBroker()).queue('of-records')
  t.match(await rejection(queue.handle({ records } as never)), { code: 'MILL_HANDLER', message: /no records in a row/ })
})

t.test('with snapshots each record is in the state once', async t => {
  const folder = folderOf(t)
  const seen: number[] = []
  const handler = (fails: boolean) => ({
    start: () => ({ sum: 0 }),
    records(records: RecordCursor<number>, state: { sum: number }) {
      while (records.next()) {
        seen.push(records.value)
        if (fails && records.value === 30 && records.failedAttempts === 0) throw new Error('once')
        state.sum += records.value
      }
    },
    snapshot: (state: { sum: number }) => state,
    restore: (state: { sum: number }) => state,
    stop: (state: { sum: number }) => state.sum,
  })
  const sums: unknown[] = []
  for (const round of [0, 1]) {
    const broker = await openBroker(t, { dir: folder.dir })
    const topic = await broker.topic<number>('numbers')
    await topic.publishBatch(numbers(50).map(value => ({ value: value + 50 * round })))
    const run = await topic.group('g').handle<unknown>(defineHandler(handler(round === 0)), QUICK)
    await run.idle()
    sums.push(...(await run.stop()).results)
    await broker.close()
  }
  t.strictSame(sums, [1_225, 4_950])
  t.strictSame(
    seen.filter((n, at) => n !== 30 || seen.indexOf(n) === at),
    numbers(100),
  )
})
