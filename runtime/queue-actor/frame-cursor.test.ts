/** Where the records of frames are found, also of frames that lack some. */
import fc from 'fast-check'
import t from 'tap'
import { FRAME_BASE_OFFSET, FRAME_HEADER_BYTES, FRAME_LAST_OFFSET_DELTA } from '../log/format/frame.ts'
import { FrameCursor, NO_RECORD } from './frame-cursor.ts'

/** Memory in which places wrap, with a frame at `at` whose records have these offsets less `base`, and the lengths with them. */
function frameOf(at: number, base: number, last: number, records: readonly (readonly [number, number])[]) {
  const bytes = 65_536
  const words = new Int32Array(bytes / 4)
  const set = (place: number, word: number): void => {
    words[(place & (bytes - 1)) >> 2] = word
  }
  set(at + FRAME_BASE_OFFSET, base % 2 ** 32)
  set(at + FRAME_BASE_OFFSET + 4, Math.floor(base / 2 ** 32))
  set(at + FRAME_LAST_OFFSET_DELTA, last)
  let place = at + FRAME_HEADER_BYTES
  const places = new Map<number, number>()
  for (const [delta, length] of records) {
    places.set(base + delta, place | 0)
    set(place, length)
    set(place + 4, 0x7000_0000 | delta)
    place += (length + 7) & ~7
  }
  set(at, place - at)
  return { words: { word: (from: number) => words[(from & (bytes - 1)) >> 2] as number }, places, next: place | 0 }
}

t.test('each record is found, whatever is asked for first', async t => {
  const lengths = fc.array(fc.integer({ min: 16, max: 60 }), { minLength: 1, maxLength: 600 })
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 0, max: 3 }),
      fc.nat(2 ** 40),
      fc.constantFrom(0, 65_400, 0x7fff_f000, -4_096),
      fc.array(fc.nat(2_500), { maxLength: 30 }),
      (lengths, gap, base, at, asked) => {
        const records = lengths.map((length, index) => [index * (gap + 1), length] as const)
        const last = (records.length - 1) * (gap + 1)
        const { words, places, next } = frameOf(at, base, last, records)
        const cursor = new FrameCursor(words)
        cursor.enter(at)
        const isRight = (offset: number): boolean => cursor.record(offset) === (places.get(offset) ?? NO_RECORD)
        const some = asked.map(delta => base + (delta % (last + 1)))
        const all = Array.from({ length: last + 1 }, (_, delta) => base + delta)
        return cursor.next === next && cursor.end === base + last + 1 && [...some, ...all].every(isRight)
      },
    ),
  )
  t.pass()
})

t.test('it has a frame once it has entered one, and none once it has left', async t => {
  const { words } = frameOf(0, 5, 3, [
    [0, 16],
    [1, 16],
  ])
  const cursor = new FrameCursor(words)
  t.notOk(cursor.has(0))
  cursor.enter(0)
  t.strictSame(
    [4, 5, 8, 9].map(offset => cursor.has(offset)),
    [false, true, true, false],
  )
  t.strictSame(
    [5, 6, 7, 8].map(offset => cursor.record(offset)),
    [FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + 16, NO_RECORD, NO_RECORD],
  )
  cursor.leave()
  t.notOk(cursor.has(5))
})

t.test('another frame begins anew', async t => {
  const { words } = frameOf(0, 7, 1, [
    [0, 24],
    [1, 24],
  ])
  const cursor = new FrameCursor(words)
  cursor.enter(0)
  t.equal(cursor.record(8), FRAME_HEADER_BYTES + 24)
  // Its second record, taken for a frame of nothing but zeroes.
  cursor.enter(4_096)
  t.equal(cursor.base, 0)
  t.equal(cursor.record(0), NO_RECORD)
})
