/** What becomes of letters: replayed, exported, purged; and letters of letters. */
import { PassThrough, Writable } from 'node:stream'
import t from 'tap'
import { type BrokerEvents, type DeadLetter, parseDeadLetter, RejectError } from '../index.ts'
import { readAll, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { collect, failures, numbers, type Order } from './failed-orders.fixture.ts'

t.test('replay sends all, some or one back where they came from, edited or not, and takes them out', async t => {
  const { broker, topic, handled } = await failures()
  const run = topic.group('g')
  const letters = broker.deadLetters(topic)
  const edit = ({ value }: DeadLetter<Order>) => ({ value: { ...value, fix: true } })
  const settled = async (): Promise<void> => until(async () => (await run.lag()) === 0)
  t.strictSame(await letters.replay({ key: 'k5' }, { edit }), { replayed: 1, skipped: 0, parked: 0 })
  const [first] = await collect(letters.browse({ key: 'k1' }))
  t.strictSame(await letters.replay(first as DeadLetter<Order>, { edit }), { replayed: 1, skipped: 0, parked: 0 })
  t.strictSame(
    await letters.replay(first as DeadLetter<Order>, { edit }),
    { replayed: 0, skipped: 0, parked: 0 },
    'once',
  )
  await settled()
  t.strictSame(
    handled.filter(n => n % 2 === 1),
    [5, 1],
  )
  t.strictSame(await letters.replay({}, { edit: letter => (letter.value.n === 9 ? null : edit(letter)) }), {
    replayed: 2,
    skipped: 1,
    parked: 0,
  })
  await settled()
  t.strictSame(numbers(await collect(letters.browse())), [9])
  t.match(await letters.replay([]), { replayed: 0 })
  t.match(await letters.replay(await collect(letters.browse())), { replayed: 1 })
  await settled()
  const [again] = await collect(letters.browse())
  t.match(again, { partition: 1, reason: 'rejected', replayed: 1, key: 'k9' }, 'it died again, where it had been')
  t.strictSame(await run.stats().then(stats => stats.deadLetterDepth), 1)
})

t.test('replay goes elsewhere too, by key, and to a topic with another codec', async t => {
  const { broker, topic } = await failures(4)
  const elsewhere = await newTopic<Order>({ partitions: 3, groups: ['r'] })
  const letters = broker.deadLetters(topic)
  t.match(await letters.replay({ limit: 1 }, { to: elsewhere }), { replayed: 1 })
  const texts = await newTopic<string>({ codec: 'string', groups: ['r'] })
  t.match(
    await letters.replay(
      {},
      { to: texts.name, edit: ({ value }) => ({ value: `n=${value.n}` as never, headers: { x: 'y' } }) },
    ),
    { replayed: 1 },
  )
  const [moved] = await readAll(elsewhere, 'r')
  t.match(moved, { value: { n: 1 }, key: 'k1', headers: { 'millrace-replayed': '1' } })
  const [text] = await readAll(texts, 'r')
  t.strictSame([text?.value, { ...text?.headers }], ['n=3', { x: 'y', 'millrace-replayed': '1' }])
  t.equal(await letters.count(), 0)
})

t.test('D2: what is replayed or exported is the record to the byte', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<Uint8Array | null>({ codec: 'bytes', maxMessageBytes: 4_096 })
  const nan = new Uint8Array(new Float64Array([Number.NaN, -0]).buffer)
  nan[3] = 0x5a // a payload that no arithmetic keeps
  const binary = new Uint8Array([0xff, 0, 0x80, 10])
  const largest = new Uint8Array(4_096 - 4).fill(7)
  const sent = [
    { key: binary, value: nan, headers: { text: 'grüße', bytes: binary, empty: '' }, timestamp: 5 },
    { key: 'text', value: null, headers: { 'millrace-mine': 'kept' } },
    { key: new Uint8Array(Buffer.from('text')), value: new Uint8Array(0) },
    { value: binary },
    { key: 'full', value: largest },
  ]
  let refuse = true
  const seen: unknown[] = []
  const bytesOf = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('hex'))
  const run = await topic.group('g').handle(({ keyBytes, valueBytes, headers, timestamp }) => {
    const { 'millrace-replayed': replayed, ...own } = headers
    const plain = Object.entries(own).map(([name, value]) => [name, typeof value === 'string' ? value : bytesOf(value)])
    seen.push([bytesOf(keyBytes), bytesOf(valueBytes), plain, timestamp])
    if (refuse) throw new RejectError('later')
    t.equal(replayed, '1')
  })
  for (const message of sent) await topic.publish(message)
  await run.idle()
  const first = seen.splice(0)
  const letters = broker.deadLetters(topic)
  const exported = (await collect(letters.export())).map(line => parseDeadLetter<Uint8Array | null>(line))
  const browsed = await collect(letters.browse())
  for (const found of [browsed, exported]) {
    t.strictSame(
      found.map(({ keyBytes, valueBytes, headers, timestamp }) => [
        bytesOf(keyBytes),
        bytesOf(valueBytes),
        Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : bytesOf(value)]),
        timestamp,
      ]),
      // A header that could be taken for one of ours is not lost, and is told apart.
      first,
    )
  }
  t.strictSame(
    browsed.map(({ value }) => bytesOf(value)),
    exported.map(({ value }) => bytesOf(value)),
  )
  refuse = false
  t.match(await letters.replay(exported.slice(0, 1)), { replayed: 1 })
  t.match(await letters.replay({}), { replayed: 4 })
  await run.idle()
  t.strictSame(seen, first)
})

t.test('export writes lines that read back as they were browsed, and leaves the stream open', async t => {
  const { broker, topic } = await failures()
  const letters = broker.deadLetters(topic)
  const stream = new PassThrough()
  t.equal(await letters.exportTo(stream, { reason: 'rejected' }), 4)
  t.ok(stream.writable)
  const lines = String(stream.read()).trimEnd().split('\n')
  t.strictSame(lines.map(line => JSON.parse(line).value.n).sort(), [1, 5, 7, 9])
  const parsed = lines.map(line => parseDeadLetter<Order>(line))
  const browsed = await collect(letters.browse({ reason: 'rejected' }))
  t.strictSame(
    parsed.map(letter => JSON.stringify(letter)),
    browsed.map(letter => JSON.stringify(letter)),
  )
  const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) })
  broken.on('error', () => undefined)
  t.match(await rejection(letters.exportTo(broken)), { message: 'disk full' })
  t.equal(await letters.count(), 5)
  for (const line of ['', '{', '[]', '7', '{}', '{"millrace":2}', '{"millrace":1}'])
    t.throws(() => parseDeadLetter(line), { code: 'MILL_DECODE' }, line)
})

t.test('a letter whose value does not decode can be looked at, exported and replayed all the same', async t => {
  const broker = await sharedBroker()
  const mixed = await newTopic({ codec: 'json' })
  const raw = await newTopic({ codec: 'string' })
  const passing = await raw.group('g').handle(
    () => {
      throw new RejectError('on')
    },
    { deadLetter: mixed.name },
  )
  await raw.publish({ value: '{not json' })
  await passing.idle()
  t.equal((await collect(broker.deadLetters(raw).browse()))[0]?.value, '{not json', 'decoded as where it died')
  const reader = await mixed.group('g').handle(({ value }) => value)
  await reader.idle()
  const letters = broker.deadLetters(mixed)
  const [letter] = await collect(letters.browse({ reason: 'decode' }))
  t.throws(() => letter?.value, { code: 'MILL_DECODE' })
  t.equal(Buffer.from(letter?.valueBytes ?? []).toString(), '{not json')
  t.match(JSON.stringify(letter), /decode/)
  t.equal(JSON.parse((await collect(letters.export()))[0] as string).valueBase64, 'e25vdCBqc29u')
  const texts = await newTopic<string>({ codec: 'string', groups: ['r'] })
  t.match(await letters.replay({}, { to: texts }), { replayed: 1 })
  t.equal((await readAll(texts, 'r'))[0]?.value, '{not json')
})

t.test('purge throws away what is meant, and only with a selection', async t => {
  const { broker, topic } = await failures()
  const letters = broker.deadLetters(topic)
  t.match(await rejection(letters.purge(undefined as never)), { code: 'MILL_INVALID_OPTION', message: /\{\} for all/ })
  t.match(await rejection(letters.replay(undefined as never)), { code: 'MILL_INVALID_OPTION' })
  t.equal(await letters.purge({ reason: 'rejected', limit: 3 }), 3)
  t.equal(await letters.purge({ reason: 'failed' }), 1)
  t.equal(await letters.count(), 1)
  t.equal(await letters.purge({}), 1)
  t.equal(await letters.purge({}), 0)
  t.match(await letters.stats(), { depth: 0 })
})

t.test('what was purged or replayed makes room in a full dead-letter topic, and the source goes on', async t => {
  const broker = await sharedBroker()
  const topic = await newTopic<{ n: number; pad: string }>(SMALL)
  const run = await topic.group('g').handle(() => {
    throw new RejectError('never')
  })
  const count = 600
  const publishing = topic.publishBatch(
    Array.from({ length: count }, (_, n) => ({ value: { n, pad: 'x'.repeat(500) } })),
  )
  publishing.catch(() => undefined)
  const letters = broker.deadLetters(topic)
  let purged: number[] = []
  let left = count
  while (left > 0) {
    await until(async () => (await letters.count()) > 0)
    const here = numbers(await collect(letters.browse() as AsyncIterable<DeadLetter<never>>))
    t.equal(await letters.purge({ limit: here.length }), here.length)
    purged = purged.concat(here)
    left -= here.length
  }
  await publishing
  await run.idle()
  t.strictSame(
    purged,
    Array.from({ length: count }, (_, n) => n),
  )
  t.match(await run.stats(), { deadLettered: count, deadLetterDepth: 0, lag: 0 })
})

t.test('D4: a record that keeps dying is parked after so many replays, reported, and stays', async t => {
  const { broker, topic } = await failures(2, 1)
  const parked: BrokerEvents['parked'][] = []
  const stop = broker.on('parked', event => void (event.topic === topic.name && parked.push(event)))
  t.teardown(stop)
  const letters = broker.deadLetters(topic)
  let hops = 0
  for (; hops < 100; hops++) {
    const report = await letters.replay({}, { replaysMax: 5 })
    if (report.parked === 1) break
    t.strictSame(report, { replayed: 1, skipped: 0, parked: 0 })
    await until(async () => (await letters.count()) === 1)
  }
  t.equal(hops, 5)
  t.strictSame(parked, [{ topic: topic.name, partition: 0, offset: 6, group: 'g', replayed: 5 }])
  t.equal(await letters.count(), 1)
  t.match(await letters.replay({}, { replaysMax: 6 }), { replayed: 1 }, 'unless more are allowed')
})

t.test('D4: dead letters of dead letters end, and never lead back', async t => {
  const { broker, topic } = await failures(2, 1)
  const letters = `${topic.name}.g.dlq`
  const dead = await broker.topic<Order>(letters)
  const watch = await dead.group('watch').handle(() => {
    throw new RejectError('watcher broken')
  })
  await watch.idle()
  const nested = broker.deadLetters<Order>(dead)
  const [letter] = await collect(nested.browse())
  t.match(letter, { topic: letters, group: 'watch', error: { message: 'watcher broken' }, value: { n: 1 } })
  t.match(
    { ...letter?.headers },
    { 'millrace-topic': topic.name, 'millrace-error-message': '1 is odd' },
    'as the watcher got it',
  )
  t.match(await nested.replay({}, { replaysMax: 1 }), { replayed: 1 })
  await until(async () => (await nested.count()) === 1)
  t.match(await nested.replay({}, { replaysMax: 1 }), { parked: 1 })
  const [again] = await collect(nested.browse())
  t.match({ ...again?.headers }, { 'millrace-topic': topic.name, 'millrace-error-message': '1 is odd' })
  for (const deadLetter of [topic.name, letters]) {
    const source = deadLetter === topic.name ? dead : await broker.topic(`${letters}.watch.dlq`)
    t.match(await rejection(source.group('back').handle(() => undefined, { deadLetter })), {
      code: 'MILL_INVALID_OPTION',
      message: /lead back/,
    })
  }
  t.match(await rejection(broker.deadLetters(topic.name).replay({}, { to: letters })), {
    code: 'MILL_INVALID_OPTION',
  })
})
