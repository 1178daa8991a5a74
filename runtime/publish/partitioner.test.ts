import fc from 'fast-check'
import t from 'tap'
import { anyText } from '../text.fixture.ts'
import { hashKey, murmur2, partitionOfKey, StickyPartitioner } from './partitioner.ts'

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

t.test('without keys a partition is kept for 16 KiB, then comes the next', async t => {
  const partitioner = new StickyPartitioner(3)
  const taken = Array.from({ length: 64 }, () => partitioner.next(1_024))
  t.same(taken, [...Array(16).fill(0), ...Array(16).fill(1), ...Array(16).fill(2), ...Array(16).fill(0)])
})

t.test('a message larger than a batch takes one turn', async t => {
  const partitioner = new StickyPartitioner(3, { first: 2 })
  t.same([partitioner.next(1_000_000), partitioner.next(1_000_000), partitioner.next(1_000_000)], [2, 0, 1])
})

t.test('one partition takes everything', async t => {
  const partitioner = new StickyPartitioner(1, { load: () => 5 })
  t.same([partitioner.next(20_000), partitioner.next(20_000)], [0, 0])
})

t.test('at a turn the emptier of the next two is taken, and the nearer one when they are equal', async t => {
  const loads = [0, 9, 1, 1]
  const partitioner = new StickyPartitioner(4, { load: partition => loads[partition] ?? 0 })
  t.same(
    Array.from({ length: 4 }, () => partitioner.next(16_384)),
    [0, 2, 0, 2],
  )
  loads.fill(3)
  t.same(
    Array.from({ length: 4 }, () => partitioner.next(16_384)),
    [3, 0, 1, 2],
  )
})
