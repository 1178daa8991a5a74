import fc from 'fast-check'
import t from 'tap'
import { murmur2 } from '../base/murmur2.ts'
import { anyText } from '../proof/fixtures/text.fixture.ts'
import { hashKey, partitionOfKey } from './key-hash.ts'
import { RUN_RECORDS, StickyRoute } from './sticky-route.ts'

/** Kafka's Utils.murmur2 in exact arithmetic, as slow as it is plain. */
function referenceMurmur2(bytes: Uint8Array): number {
  const u32 = (value: bigint): bigint => BigInt.asUintN(32, value)
  const m = 0x5bd1e995n
  let h = 0x9747b28cn ^ BigInt(bytes.length)
  const whole = bytes.length - (bytes.length % 4)
  for (let at = 0; at < whole; at += 4) {
    let k = 0n
    for (let byte = 3; byte >= 0; byte--) k = (k << 8n) | BigInt(bytes[at + byte] ?? 0)
    k = u32(k * m)
    k ^= k >> 24n
    k = u32(k * m)
    h = u32(h * m) ^ k
  }
  const rest = bytes.length - whole
  if (rest >= 3) h ^= BigInt(bytes[whole + 2] ?? 0) << 16n
  if (rest >= 2) h ^= BigInt(bytes[whole + 1] ?? 0) << 8n
  if (rest >= 1) h = u32((h ^ BigInt(bytes[whole] ?? 0)) * m)
  h ^= h >> 13n
  h = u32(h * m)
  h ^= h >> 15n
  return Number(BigInt.asIntN(32, h))
}

t.test('known keys have the hashes that Kafka gives them', async t => {
  const vectors: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
    ['', 275646681],
    ['é', 186971271],
  ]
  for (const [key, hash] of vectors) {
    t.equal(hashKey(key), hash, key)
    t.equal(murmur2(Buffer.from(key)), hash, key)
    t.equal(referenceMurmur2(Buffer.from(key)), hash, key)
  }
})

t.test('murmur2 agrees with the plain reference', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), bytes => murmur2(bytes) === referenceMurmur2(bytes)),
    { numRuns: 1_000 },
  )
})

t.test('a key hashes the same as text and as its UTF-8 bytes', async () => {
  const text = fc.oneof(fc.string({ unit: 'binary-ascii', maxLength: 70 }), anyText())
  fc.assert(
    fc.property(text, key => hashKey(key) === murmur2(Buffer.from(key)) && hashKey(key) === hashKey(Buffer.from(key))),
    { numRuns: 1_000 },
  )
})

t.test('long keys beyond ASCII hash the same on both sides of the scratch buffer', async t => {
  for (const length of [1_364, 1_365, 1_366, 5_000]) {
    const key = '€'.repeat(length)
    t.equal(hashKey(key), murmur2(Buffer.from(key)), `${length}`)
  }
  t.equal(hashKey('abc'), 479470107, 'and leave nothing behind')
})

t.test('a partition is the positive hash modulo the count', async t => {
  t.equal(partitionOfKey('foobar', 12), (-790332482 & 0x7fffffff) % 12)
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 1_024 }), (key, partitions) => {
      const partition = partitionOfKey(key, partitions)
      return (
        Number.isInteger(partition) &&
        partition >= 0 &&
        partition < partitions &&
        partition === partitionOfKey(Buffer.from(key), partitions)
      )
    }),
  )
})

/** Whose frame is open is the test's to say; the one that was chosen last opens by itself. */
function choice(partitions: number, unread: number[] = []) {
  const open = new Set<number>()
  const loads = Array.from({ length: partitions }, (_, partition) => ({
    get isOpen() {
      return open.has(partition)
    },
    get unread() {
      return unread[partition] ?? 0
    },
  }))
  const partitioner = new StickyRoute(loads)
  const next = (bytes = 16, run = RUN_RECORDS): number => {
    const partition = partitioner.next(bytes, run)
    open.add(partition)
    return partition
  }
  const runs = (records: number, bytes?: number, run?: number): number[] => {
    const lengths: number[] = []
    let last = -1
    for (let record = 0; record < records; record++) {
      const partition = next(bytes, run)
      if (partition === last) lengths[lengths.length - 1]!++
      else lengths.push(1)
      last = partition
    }
    return lengths
  }
  return { next, runs, seal: () => open.clear() }
}

t.test('without keys records of one moment stay together, ten at most, and then it is the next one’s turn', async t => {
  const { next } = choice(3)
  const taken = Array.from({ length: 40 }, () => next())
  t.same(taken, [...Array(10).fill(0), ...Array(10).fill(1), ...Array(10).fill(2), ...Array(10).fill(0)])
})

t.test('a record whose predecessor’s frame is sealed goes elsewhere, for staying saves nothing', async t => {
  const { next, seal } = choice(3)
  const taken = Array.from({ length: 6 }, () => {
    const partition = next()
    seal()
    return partition
  })
  t.same(taken, [0, 1, 2, 0, 1, 2])
})

t.test('a batch stays for as many records as reach all partitions, and for 16 KiB at most', async t => {
  t.same(choice(4).runs(400, 16, 100), [100, 100, 100, 100])
  t.same(choice(4).runs(64, 1_024, 1_000), [16, 16, 16, 16])
  t.same(choice(3).runs(3, 1_000_000, 10), [1, 1, 1])
})

t.test('one partition takes everything', async t => {
  const { next } = choice(1, [5])
  t.same(
    Array.from({ length: 30 }, () => next(2_000)),
    Array(30).fill(0),
  )
})

t.test('the next is the one with least unread of those near, and the nearest of equal ones', async t => {
  const unread = [0, 9, 1, 1]
  const { next } = choice(4, unread)
  t.same(
    Array.from({ length: 4 }, () => next(16_384)),
    [0, 2, 0, 2],
  )
  unread.fill(3)
  t.same(
    Array.from({ length: 4 }, () => next(16_384)),
    [3, 0, 1, 2],
  )
})

t.test('what was counted long ago starves nobody: now and then each gets a turn', async t => {
  const { next } = choice(3, [0, 100, 0])
  const taken = Array.from({ length: 80 }, () => next(16_384))
  t.ok(taken.filter(partition => partition === 1).length >= 1)
  t.ok(taken.filter(partition => partition === 1).length <= 5)
})

t.test('a turn looks at eight partitions, however many there are', async t => {
  const looked: number[] = []
  const loads = Array.from({ length: 1_024 }, (_, partition) => ({
    isOpen: false,
    get unread() {
      return looked.push(partition)
    },
  }))
  const partitioner = new StickyRoute(loads)
  partitioner.next(1, RUN_RECORDS)
  t.same(looked, [0, 1, 2, 3, 4, 5, 6, 7])
})
