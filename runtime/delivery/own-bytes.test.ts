/** The bytes of a delivery are its consumer's: whatever it does to them reaches no retry, no neighbour and no output. */
import t from 'tap'
import type { Delivery, HandleOptions, Topic } from '../index.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { FetchedBytes, OWN_BYTES } from '../reader/fetched-bytes.ts'

const QUICK = { attempts: 3, backoff: { initialMs: 1, maxMs: 1, jitter: 0 } } as const
const WAYS: readonly (readonly [string, HandleOptions])[] = [
  ['one record', {}],
  ['retries in order of the key', { retryOrder: 'key' }],
  ['several in hand', { concurrency: 4, retryOrder: 'none' }],
]

/** What a delivery shows, and then spoils. */
function seen({ value, valueBytes, key, keyBytes, headers }: Delivery): string {
  const header = headers.h as Uint8Array
  const text = [key, Buffer.from(valueBytes as Uint8Array), Buffer.from(header)].join()
  for (const bytes of [value, valueBytes, keyBytes, header]) if (bytes instanceof Uint8Array) bytes.fill(120)
  return text
}

for (const codec of ['bytes', 'json'] as const)
  for (const [way, options] of WAYS)
    t.test(`a retry sees ${codec} as they were published: ${way}`, async t => {
      const topic: Topic<unknown> = await newTopic({ codec })
      const value = codec === 'bytes' ? Buffer.from('[1,2]') : [1, 2]
      const messages = Array.from({ length: 8 }, () => ({ key: 'k', value, headers: { h: Buffer.from('hh') } }))
      await topic.publishBatch(messages)
      const all: string[] = []
      const run = await topic.group('g').handle(
        delivery => {
          all.push(seen(delivery))
          if (delivery.failedAttempts < 2) throw new Error('again')
        },
        { ...QUICK, ...options },
      )
      await run.idle()
      t.same(all, Array(24).fill('k,[1,2],hh'))
      await run.stop()
    })

t.test('a batch that is tried again sees bytes as they were published', async t => {
  const topic = await newTopic<Uint8Array>({ codec: 'bytes' })
  await topic.publishBatch(Array.from({ length: 4 }, () => ({ value: Buffer.from('abc') })))
  const all: string[] = []
  const run = await topic.group('g').handle(
    {
      async batch(deliveries) {
        for (const { value } of deliveries) {
          all.push(Buffer.from(value).toString())
          value.fill(120)
        }
        if (deliveries.length > 1) throw new Error('halve')
      },
    },
    QUICK,
  )
  await run.idle()
  t.same(new Set(all), new Set(['abc']))
  t.ok(all.length > 4)
  await run.stop()
})

t.test('a delivery that was released comes again as it was published', async t => {
  const topic = await newTopic<Uint8Array>({ codec: 'bytes' })
  await topic.publish({ value: Buffer.from('abc') })
  const all: string[] = []
  for await (const delivery of topic.group('g').consume()) {
    all.push(Buffer.from(delivery.value).toString())
    delivery.value.fill(120)
    if (all.length === 2) break
    delivery.release()
  }
  t.same(all, ['abc', 'abc'])
})

t.test('a delivery that is kept shows the same, however many fetches follow', async t => {
  const topic = await newTopic<number>()
  const kept: Delivery<number>[] = []
  await topic.publishBatch(Array.from({ length: 2_000 }, (_, n) => ({ key: 'k'.repeat(100), value: n })))
  const run = await topic.group('g').handle(delivery => void kept.push(delivery))
  await run.idle()
  t.same(
    kept.map(({ value }) => value),
    Array.from({ length: 2_000 }, (_, n) => n),
  )
  await run.stop()
})

t.test('a dead letter is replayed as it died, whatever its finder did to it', async t => {
  const topic = await newTopic<Uint8Array>({ codec: 'bytes' })
  await topic.publish({ key: Buffer.from([255]), value: Buffer.from('abc'), headers: { h: Buffer.from('hh') } })
  const run = await topic.group('g').handle(
    () => {
      throw new Error('no')
    },
    { attempts: 1 },
  )
  await run.idle()
  await run.stop()
  const letters = (await sharedBroker()).deadLetters(topic.name)
  for await (const letter of letters.browse()) {
    const spoilt = [letter.value as Uint8Array, letter.valueBytes, letter.keyBytes, letter.headers.h as Uint8Array]
    for (const bytes of spoilt) bytes?.fill(120)
    t.equal(Buffer.from(letter.valueBytes as Uint8Array).toString(), 'abc')
    t.same([...(letter.keyBytes as Uint8Array)], [255])
    t.equal(Buffer.from(letter.headers.h as Uint8Array).toString(), 'hh')
  }
})

const OUT: readonly (readonly [string, HandleOptions])[] = [
  ...WAYS,
  ['at most once', { delivery: 'at-most-once', attempts: 1 }],
]
for (const [way, options] of OUT)
  t.test(`a key of bytes stays that in the output: ${way}`, async t => {
    const out = newName()
    const to = await (await sharedBroker()).topic(out, { groups: ['seen'] })
    const topic = await newTopic<number>()
    await topic.publish({ key: new Uint8Array([0, 255, 254, 128]), value: 1 })
    const run = await topic.group('g').handle(async ({ value }) => value, { ...options, output: out })
    await run.idle()
    for await (const { keyBytes } of to.group('seen').consume()) {
      t.same([...(keyBytes as Uint8Array)], [0, 255, 254, 128])
      break
    }
    await run.stop()
  })

t.test('pieces are shared by what is looked at in a row, and end where they must', async t => {
  const fetch = Buffer.allocUnsafeSlow(40_000).fill(1)
  const bytes = new FetchedBytes(fetch)
  const first = bytes.shared(16, 96)
  const second = bytes.shared(112, 192)
  t.equal(first.buffer, second.buffer)
  t.ok(first.buffer.byteLength <= 8_192, 'a value that is kept keeps no fetch')
  t.not(first.buffer, fetch.buffer)
  t.equal(bytes.shared(20_000, 20_080).buffer.byteLength, 80, 'a look far from the last copies no piece')
  t.equal(bytes.shared(21_000, 21_000 + OWN_BYTES).buffer.byteLength, OWN_BYTES)
  const larger = [0, 1, 2].map(n => bytes.shared(30_000 + n * 1_016, 31_000 + n * 1_016).buffer)
  t.equal(bytes.shared(39_000, 39_900).buffer, larger[1], 'pieces of larger values are larger')
  t.ok((larger[1]?.byteLength ?? 0) <= 64_000, 'and not larger than 64 of them')
  first.fill(2)
  t.same(new Set(bytes.fresh(16, 96)), new Set([1]))
})

t.test('large bytes may be transferred, and small ones take nobody along', async t => {
  const topic = await newTopic<Uint8Array>({ codec: 'bytes' })
  const sizes = [10, 10, OWN_BYTES, 10, 10]
  await topic.publishBatch(sizes.map(size => ({ value: Buffer.alloc(size, 7) })))
  const all: Uint8Array[] = []
  const left: number[] = []
  const run = await topic.group('g').handle(({ value }) => {
    all.push(value)
    try {
      structuredClone(value, { transfer: [value.buffer as ArrayBuffer] })
    } catch {
      // Newer versions of Node refuse where older ones copy.
    }
    left.push(value.length)
  })
  await run.idle()
  t.same(left, [10, 10, 0, 10, 10])
  t.same(
    all.map(({ length }) => length),
    left,
  )
  await run.stop()
})
