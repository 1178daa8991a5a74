/** Where tests let positions start: in the middle, and so that they wrap as Int32 and as Uint32 soon; and what they write. */
import fc from 'fast-check'

export const STARTS: readonly number[] = [0, 64, 0x7fffff00, 0x7ffffff8, 0xffffff00 | 0, 0xfffffff8 | 0, 0x80000000 | 0]

export const anyStart: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(...STARTS),
  fc.integer({ min: -(2 ** 28), max: 2 ** 28 - 1 }).map(eighth => eighth * 8),
)

/** Powers of two from 64 bytes to 1 MiB; small ones wrap more often and come more often. */
export const anyCapacity: fc.Arbitrary<number> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(64, 128, 256, 1_024) },
  { weight: 1, arbitrary: fc.constantFrom(8_192, 65_536, 1_048_576) },
)

/** Doubles that a copy as numbers could change: quiet and signalling NaNs with payloads, and some others. */
export const anyDoubleBits: fc.Arbitrary<readonly [high: number, low: number]> = fc.oneof(
  fc
    .tuple(fc.constantFrom(0x7ff00000, 0x7ff80000, 0xfff00000, 0xfff80000), fc.nat(0xfffff), fc.nat(0xffffffff))
    .map(([high, more, low]) => [(high | more) >>> 0, low] as const),
  fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)),
)
