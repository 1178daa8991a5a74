/** Records of several frames, copied as if they were of the first one. */
import t from 'tap'
import { RecordRun } from './record-run.ts'

/** A record of 16 bytes: of its words, only offset and time say anything here. */
function record(words: Int32Array, at: number, offsetDelta: number, timestampDelta: number): void {
  words[at >> 2] = 16
  words[(at >> 2) + 1] = offsetDelta | (0x41 << 16)
  words[(at >> 2) + 2] = timestampDelta
}

/** What the records say after they were copied: offset, attributes and time of each. */
function copied(run: RecordRun, from: Int32Array): number[][] {
  const to = new Int32Array(256)
  run.copy(8, (start, bytes, target) => to.set(from.subarray(start >> 2, (start + bytes) >> 2), target >> 2))
  run.mend(8, to)
  const said: number[][] = []
  for (let at = 2; at < (8 + run.bytes) >> 2; at += 4) {
    const word = to[at + 1] as number
    said.push([run.base + (word & 0xffff), word >>> 16, run.timestamp + (to[at + 2] as number)])
  }
  return said
}

t.test('records of several frames say their offsets and times as those of the first one', async t => {
  const words = new Int32Array(256)
  record(words, 0, 3, 5)
  record(words, 16, 4, 0)
  record(words, 200, 0, 7)
  record(words, 400, 2, -1)
  const run = new RecordRun()
  run.begin(1_000, 50_000)
  run.add(0, 16)
  run.add(16, 16)
  run.enter(1_010, 50_100)
  t.ok(run.fits(1_010, 7))
  run.add(200, 16)
  run.enter(1_020, 49_000)
  t.ok(run.fits(1_022, -1))
  run.add(400, 16)
  t.strictSame(copied(run, words), [
    [1_003, 0x41, 50_005],
    [1_004, 0x41, 50_000],
    [1_010, 0x41, 50_107],
    [1_022, 0x41, 48_999],
  ])
  run.begin(0, 0)
  run.add(0, 16)
  t.strictSame(copied(run, words), [[3, 0x41, 5]], 'nothing is left of the last run')
})

t.test('a frame between records of the first one, as a message that was moved has', async t => {
  const words = new Int32Array(256)
  for (const [at, delta] of [
    [0, 4],
    [100, 0],
    [16, 6],
  ] as const)
    record(words, at, delta, 1)
  const run = new RecordRun()
  run.begin(100, 1_000)
  run.add(0, 16)
  run.enter(105, 900)
  run.add(100, 16)
  run.enter(100, 1_000)
  run.add(16, 16)
  const said = [104, 105, 106].map((offset, at) => [offset, 0x41, at === 1 ? 901 : 1_001])
  t.strictSame(copied(run, words), said)
  run.begin(105, 900)
  run.add(100, 16)
  run.enter(100, 1_000)
  run.add(16, 16)
  t.strictSame(copied(run, words), [[105, 0x41, 901], said[2]], 'its frame may begin before the moved one')
})

t.test('what has no room in 16 bits of offset or 32 of time is of another run', async t => {
  const run = new RecordRun()
  run.begin(10, 1_000)
  run.add(0, 16)
  run.enter(70_000, 1_000)
  t.notOk(run.fits(70_000, 0))
  run.enter(60_000, 1_000)
  t.ok(run.fits(65_545, 0))
  t.notOk(run.fits(65_546, 0))
  run.enter(20, 1_000 + 2 ** 31)
  t.ok(run.fits(20, -1))
  t.notOk(run.fits(20, 0))
  run.enter(20, 1_000 - 2 ** 31)
  t.ok(run.fits(20, 0))
  t.notOk(run.fits(20, -1))
  run.enter(20, 1_000.5)
  t.notOk(run.fits(20, 0), 'a time between two milliseconds')
})
