/** How far a log may be read, in two words. */
import fc from 'fast-check'
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { PARTITION_BYTES, PARTITION_HIGH } from '../../wire/layout.ts'
import { loadHighWatermark, storeHighWatermark } from './high-watermark.ts'

const ADDRESS = 128
const LAP = 2 ** 30

const anyOffset: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.tuple(fc.nat(1 << 20), fc.integer({ min: -3, max: 3 })).map(([laps, more]) => Math.max(0, laps * LAP + more)),
)

t.test('what is stored is loaded, however far it has gone on', async () => {
  const memory = Memory.allocate(ADDRESS + PARTITION_BYTES)
  fc.assert(
    fc.property(anyOffset, offset => {
      storeHighWatermark(memory, ADDRESS, offset)
      return loadHighWatermark(memory, ADDRESS) === offset
    }),
  )
})

t.test('nothing is readable in words of zeroes', async t => {
  t.equal(loadHighWatermark(Memory.allocate(ADDRESS + PARTITION_BYTES), ADDRESS), 0)
})

t.test('who looks between the two stores finds the new offset', async () => {
  const memory = Memory.allocate(ADDRESS + PARTITION_BYTES)
  fc.assert(
    fc.property(anyOffset, fc.nat(3 * LAP), (offset, more) => {
      fc.pre(Number.isSafeInteger(offset + more))
      storeHighWatermark(memory, ADDRESS, offset)
      memory.store(ADDRESS + PARTITION_HIGH, (offset + more) | 0)
      return loadHighWatermark(memory, ADDRESS) === offset + more
    }),
  )
})
