/** Sizes of the windows of topics in memory, by what is free and how many partitions share it. */
import t from 'tap'
import { checkTopicOptions } from '../options/topic-options.ts'
import { topicSizes } from './topic-sizes.ts'

const MIB = 1_048_576
const KIB = 1_024
const TOTAL = 512 * MIB

function sizesOf(options: object, freeBytes = TOTAL): [windowBytes: number, maxMessageBytes: number] {
  const { given, ...checked } = checkTopicOptions(options)
  const sizes = topicSizes(checked, [...given], { totalBytes: TOTAL, freeBytes })
  return [sizes.windowBytes, sizes.maxMessageBytes]
}

t.test('windows of a topic share a sixth of what is free', async t => {
  t.strictSame(sizesOf({}), [2 * MIB, MIB])
  t.strictSame(sizesOf({ partitions: 42 }), [2 * MIB, MIB])
  t.strictSame(sizesOf({ partitions: 43 }), [MIB, MIB / 2])
  t.strictSame(sizesOf({ partitions: 256 }), [256 * KIB, 128 * KIB])
  t.strictSame(sizesOf({ partitions: 1_024 }), [64 * KIB, 32 * KIB])
  t.strictSame(sizesOf({ partitions: 1_024 }, TOTAL / 4), [64 * KIB, 32 * KIB], 'and none is smaller')
})

t.test('they shrink when more than half of the memory is taken', async t => {
  t.strictSame(sizesOf({}, TOTAL / 2), [2 * MIB, MIB])
  t.strictSame(sizesOf({}, TOTAL / 2 - 1), [MIB, MIB / 2])
  t.strictSame(sizesOf({}, TOTAL / 4), [256 * KIB, 128 * KIB])
  t.strictSame(sizesOf({}, TOTAL / 16), [64 * KIB, 32 * KIB])
  t.strictSame(sizesOf({}, 0), [64 * KIB, 32 * KIB])
})

t.test('what the caller gives is used', async t => {
  t.strictSame(sizesOf({ windowBytes: 4 * MIB, partitions: 256 }, MIB), [4 * MIB, MIB])
  t.strictSame(sizesOf({ maxMessageBytes: MIB, partitions: 256 }), [2 * MIB, MIB], 'a window holds two of the largest')
  t.strictSame(sizesOf({ maxMessageBytes: 100_000, partitions: 256 }, MIB), [256 * KIB, 100_000])
  t.strictSame(sizesOf({ maxMessageBytes: 10, partitions: 1_024 }), [64 * KIB, 10])
  t.strictSame(sizesOf({ maxMessageBytes: 3 * MIB }), [8 * MIB, 3 * MIB])
})
