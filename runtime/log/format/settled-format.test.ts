import fc from 'fast-check'
import t from 'tap'
import { DYING_REASONS, type SettledAttempt, type SettledChange } from './settled-change.ts'
import { decodeSettled, encodeSettled } from './settled-format.ts'
import { ByteReader, ByteWriter } from './varint.ts'

const ATTEMPT: SettledAttempt = {
  offset: 1_002,
  handOuts: 3,
  failures: 2,
  isSuspect: true,
  hasSurvived: false,
  isOut: true,
  dying: 'crashed',
  firstFailureMs: 1_000,
  lastFailureMs: 1_300,
  dueMs: 5,
}
/** As it is read: every field is there. */
const EMPTY = {
  isWhole: false,
  out: [],
  back: [],
  attempts: [],
  settled: [],
  totals: null,
  known: null,
  due: [],
  times: null,
  letters: null,
  updates: [],
  ids: null,
  numbers: [],
}

t.test('the bytes are those of the drawing', async t => {
  const change: SettledChange = {
    topic: 300,
    partition: 0,
    isWhole: true,
    out: [[1_005, 1_006]],
    back: [[1_010, 1_020]],
    attempts: [ATTEMPT, { ...ATTEMPT, offset: 1_004, isOut: false, dying: null, firstFailureMs: 0, lastFailureMs: 0 }],
    settled: [
      [1_000, 1_002],
      [1_003, 1_004],
    ],
    totals: { deadLettered: 1, dropped: 2, purged: 3, cancelled: 4, failures: 5 },
    known: { end: 1_020, bytes: 128 },
    due: [
      { place: 1_020, offsets: [1_003, 1_001, 1_001] },
      { place: 1_021, offsets: [1_002] },
    ],
    times: { expired: 6, end: 1_021 },
    letters: { topic: 5, end: 200 },
    updates: [
      { offset: 1_001, atMs: 500, priority: 7, dueMs: 600, expiresMs: Number.POSITIVE_INFINITY, isPutOff: true },
      { offset: 1_003, atMs: 501, priority: null, dueMs: null, expiresMs: 700, isPutOff: false },
    ],
    ids: {
      first: 3,
      from: 5,
      hashes: Uint8Array.from({ length: 32 }, (_, at) => at),
      offsets: [1_000, 1_002],
      timesMs: [500, 500],
      duplicates: 6,
      forgotten: 7,
    },
    numbers: [{ producer: 9, last: 0xffff_ffff, end: 1_021 }],
  }
  const drawn = [
    // Topic 300, partition 0, all parts, base 1,000.
    'ac02 00 ff3f e807',
    // Out, back.
    '01 05 00',
    '01 0a 09',
    // Attempts: 2 behind the base, out, suspect, dying as crashed, failed at 1,000 and 300 later, due; then 2 further on.
    '02',
    '02 03 02 3d 04 e807 ac02 05',
    '02 03 02 21 05',
    // Settled.
    '02 00 01 01 00',
    '01 02 03 04 05',
    'fc07 8001',
    // Fell due: 20 behind the base 3 behind it, 2 before that, the same; then 1 further on. Expired, and the end of times.
    '02 14 03 06 03 00 15 01 02',
    '06 fd07',
    '05 c801',
    // Updates: 1 behind the base, with a priority, a new time, and no end; then 2 further on, which ends.
    '02',
    '01 f403 1b 07 d804',
    '02 f503 04 bc05',
    // Ids from 3 on, of which those from 5 on are here, with the counts; hash, offset and time of each.
    '03 02 06 07 02',
    '000102030405060708090a0b0c0d0e0f e807 f403',
    '101112131415161718191a1b1c1d1e1f 02 00',
    // Numbers: one, of producer 9.
    '01 09 ffffffff0f fd07',
  ]
  t.equal(Buffer.from(encodeSettled([change])).toString('hex'), drawn.join('').replaceAll(' ', ''))
  t.same(decodeSettled(encodeSettled([change])), [change])
  t.equal(Buffer.from(encodeSettled([{ topic: 1, partition: 2 }])).toString('hex'), '010200')
  t.same(decodeSettled(Buffer.from('010200', 'hex')), [{ topic: 1, partition: 2, ...EMPTY }])
  t.same(DYING_REASONS, ['failed', 'rejected', 'expired', 'timeout', 'crashed', 'decode', 'maxlen', 'delivery-limit'])
})

t.test('a message in its turn costs two bytes, and so does a run of them', async t => {
  const one = (settled: [number, number][]): number => encodeSettled([{ topic: 1, partition: 0, settled }]).length
  const apart = Array.from({ length: 1_000 }, (_, at): [number, number] => [2 * at, 2 * at + 1])
  t.equal(one(apart) - one(apart.slice(0, 500)), 1_000)
  t.equal(one([[0, 100]]), one([[0, 1]]))
})

const number = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.maxSafeNat())
t.test('a number takes as few bytes as it needs, and comes back', async t => {
  fc.assert(
    fc.property(fc.array(number, { minLength: 1 }), numbers => {
      const writer = new ByteWriter()
      for (const each of numbers) writer.number(each)
      const reader = new ByteReader(writer.bytes())
      const bytes = numbers.reduce((sum, each) => sum + Math.max(1, Math.ceil(each.toString(2).length / 7)), 0)
      return numbers.every(each => reader.number() === each) && reader.isAtEnd && writer.length === bytes
    }),
    { numRuns: 500 },
  )
  for (const wrong of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    t.throws(() => new ByteWriter().number(wrong), RangeError)
  for (const bytes of ['', '80', 'ffffffffffffffff7f', '8000']) {
    const reader = new ByteReader(Buffer.from(bytes, 'hex'))
    t.equal(reader.number(), 0)
    t.equal(reader.isBroken, true, bytes)
  }
})

/** Ascending, not touching. */
const ranges = fc
  .tuple(number, fc.array(fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 300 }))))
  .map(([start, steps]) => {
    let end = start / 2
    return steps.map(([gap, length]): [number, number] => {
      const from = Math.floor(end) + gap
      end = from + length
      return [from, end]
    })
  })
const attempt = fc.record({
  handOuts: number,
  failures: fc.nat(300),
  isSuspect: fc.boolean(),
  hasSurvived: fc.boolean(),
  isOut: fc.boolean(),
  dying: fc.constantFrom(null, ...DYING_REASONS),
  dueMs: number,
  failed: fc.option(fc.tuple(fc.integer({ min: 1, max: 2 ** 42 }), fc.nat(1_000)), { nil: null }),
})
const attempts = fc.tuple(ranges, fc.array(attempt)).map(([places, list]): SettledAttempt[] =>
  list.slice(0, places.length).map(({ failed, dueMs, ...rest }, at) => ({
    offset: (places[at] as [number, number])[0],
    ...rest,
    firstFailureMs: failed?.[0] ?? 0,
    lastFailureMs: failed === null ? 0 : failed[0] + failed[1],
    dueMs,
  })),
)
const totals = fc.record({
  deadLettered: number,
  dropped: number,
  purged: number,
  cancelled: number,
  failures: number,
})
const ids = fc
  .record({
    first: fc.nat(2 ** 31),
    more: fc.nat(300),
    places: ranges,
    step: fc.nat(2 ** 33),
    duplicates: number,
    forgotten: number,
  })
  .map(({ first, more, places, step, duplicates, forgotten }) => ({
    first,
    from: first + more,
    hashes: Uint8Array.from({ length: 16 * places.length }, (_, at) => at + step),
    offsets: places.map(([from]) => from),
    timesMs: places.map((_, at) => 7 + at * step),
    duplicates,
    forgotten,
  }))
const updates = ranges.chain(places =>
  fc.tuple(
    ...places.map(([offset]) =>
      fc.record({
        offset: fc.constant(offset),
        atMs: number,
        priority: fc.option(fc.nat(31), { nil: null }),
        dueMs: fc.option(number, { nil: null }),
        expiresMs: fc.oneof(number, fc.constant(null), fc.constant(Number.POSITIVE_INFINITY)),
        isPutOff: fc.boolean(),
      }),
    ),
  ),
)
const change: fc.Arbitrary<SettledChange> = fc.record({
  topic: number,
  partition: fc.nat(300),
  isWhole: fc.boolean(),
  out: ranges,
  back: ranges,
  attempts,
  settled: ranges,
  totals: fc.option(totals, { nil: null }),
  known: fc.option(fc.record({ end: number, bytes: number }), { nil: null }),
  due: fc
    .array(
      fc.tuple(
        number,
        fc.array(
          fc.nat(2 ** 31 - 1).map(offset => offset * 2 ** 20),
          { minLength: 1 },
        ),
      ),
    )
    .map(groups => {
      const all = groups.flatMap(([, offsets]) => offsets)
      // No place is below an offset.
      const least = all.reduce((most, offset) => Math.max(most, offset), 0)
      return groups.map(([place, offsets]) => ({ place: Math.max(place, least), offsets }))
    }),
  times: fc.option(fc.record({ expired: number, end: number }), { nil: null }),
  letters: fc.option(fc.record({ topic: number, end: number }), { nil: null }),
  updates,
  ids: fc.option(ids, { nil: null }),
  numbers: fc.array(fc.record({ producer: number, last: fc.nat(2 ** 32 - 1), end: number }), { maxLength: 3 }),
})

t.test('changes come back as they were, and a cut anywhere is refused or reads as whole changes before it', async t => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), changes => {
      const body = encodeSettled(changes)
      if (JSON.stringify(decodeSettled(body)) !== JSON.stringify(changes)) return false
      for (let length = 0; length < body.length; length += 1 + (length >> 5)) {
        const found = decodeSettled(body.subarray(0, length))
        if (typeof found !== 'string' && JSON.stringify(found) !== JSON.stringify(changes.slice(0, found.length)))
          return false
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.pass('300 runs')
})

t.test('any bytes are read without an exception and without more memory than they have', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const found = decodeSettled(bytes)
      return typeof found === 'string' || found.length <= bytes.length
    }),
    { numRuns: 5_000 },
  )
  t.pass('5,000 runs')
})
