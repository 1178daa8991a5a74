/** What is settled, against a plain set of offsets, and as it is found again from what was written down. */
import t from 'tap'
import { type Ranges, type SettledChange, SettledLetters } from './settled-letters.ts'

/** Numbers below `below`, the same each time. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** What a file would hold after these changes. */
function written() {
  let below = 0
  const pieces = new Map<number, Ranges>()
  return {
    write(change: SettledChange): void {
      below = change.below
      for (const [piece, ranges] of change.pieces) {
        if (ranges.length === 0) pieces.delete(piece)
        else pieces.set(piece, ranges)
      }
    },
    read: () => new SettledLetters(below, pieces),
    pieces,
  }
}

t.test('what is settled is what was added, raised over and not cut off, after thousands of changes', async t => {
  const random = chance(7)
  const settled = new SettledLetters(0)
  const file = written()
  const model = new Set<number>()
  const END = 5_000
  for (let round = 0; round < 1_500; round++) {
    const kind = random(40)
    let change: SettledChange | null
    if (kind === 0) {
      const below = settled.below + random(60)
      change = settled.raising(below)
      for (let offset = 0; offset < below; offset++) model.add(offset)
    } else if (kind === 1) {
      const end = END - random(200)
      change = settled.cutting(end)
      for (const offset of [...model]) if (offset >= end) model.delete(offset)
    } else {
      const from = random(4) === 0 ? settled.below + random(3) : random(END - 10)
      const offsets = Array.from({ length: 1 + random(8) }, (_, at) => from + at * (1 + random(2)))
      change = settled.adding(offsets)
      if ((change === null) !== offsets.every(offset => model.has(offset))) t.fail(`round ${round}: ${offsets}`)
      for (const offset of offsets) model.add(offset)
    }
    if (change === null) continue
    settled.apply(change)
    file.write(change)
    if (round % 100 !== 0) continue
    for (const each of [settled, file.read()]) {
      const found = Array.from({ length: END + 20 }, (_, offset) => offset).filter(offset => each.has(offset))
      t.strictSame(
        found,
        [...model].sort((a, b) => a - b),
        `round ${round}`,
      )
      t.notOk(model.has(each.below), 'it is raised over all that follows')
    }
    for (const ranges of file.pieces.values()) {
      const isAscending = ranges.every((edge, at) => at === 0 || edge > (ranges[at - 1] as number))
      t.ok(isAscending, 'ranges neither overlap nor touch')
      t.ok((ranges[0] as number) > settled.below, 'and none is left behind what is raised')
    }
  }
  t.ok(settled.below > 0)
})

t.test('nothing counts as settled before the change is taken over', async t => {
  const settled = new SettledLetters(3, [[0, [5, 7]]])
  const change = settled.adding([3, 4])
  t.strictSame([settled.below, settled.has(3), settled.has(5), settled.has(7)], [3, false, true, false])
  settled.apply(change as SettledChange)
  t.strictSame([settled.below, settled.has(6), settled.has(7)], [7, true, false])
  t.equal(settled.adding([0, 6]), null)
  t.equal(settled.raising(7), null)
  t.equal(settled.cutting(7), null)
})

t.test('a change writes down what lies near it, however many holes there are elsewhere', async t => {
  const settled = new SettledLetters(0)
  for (let offset = 1; offset < 100_000; offset += 2) settled.apply(settled.adding([offset]) as SettledChange)
  const change = settled.adding([50_000, 50_002]) as SettledChange
  t.equal(change.pieces.size, 1)
  t.ok([...change.pieces.values()].every(({ length }) => length <= 1_024))
  settled.apply(change)
  t.strictSame(
    [49_998, 49_999, 50_000, 50_001, 50_002, 50_003, 50_004].map(offset => settled.has(offset)),
    [false, true, true, true, true, true, false],
  )
})
