/** The letter index over a real log: what is open, page by page, through new threads, killed processes and losses of power. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import {
  deskOf,
  offsets,
  open,
  pages,
  settle,
  storedHouse,
  storedShape,
  writeDeadLetter,
} from './letter-house.fixture.ts'
import { StoredLetterIndex } from './stored-letter-index.ts'

const LETTERS = storedShape(2, 'orders.g.dlq')

/** What takes dead letters, in another process each time, or by another thread of the same. */
function houses(t: Test) {
  const dir = t.testdir()
  let house = storedHouse(dir)
  const taken = (): PartitionActor => {
    const actor = house.actor(LETTERS)
    actor.takeDeadLetters(0)
    return actor
  }
  return {
    dir,
    get house() {
      return house
    },
    first: taken,
    /** The process is killed, and another opens the folder. */
    reopened: (): PartitionActor => {
      house = storedHouse(dir)
      return taken()
    },
    /** The thread dies, and another of this process goes on. */
    succeeded: (): PartitionActor => {
      house = house.successor()
      return taken()
    },
  }
}

/** A group that reads the letters, as far as it has committed. */
function reader(actor: PartitionActor, cursor: number, committed = 0): { committed: number } {
  const group = { committed }
  actor.groups.set(cursor, { committed: () => group.committed })
  return group
}

t.test('letters are settled one by one, counted by group, and whoever comes next finds what is left', async t => {
  const { first, reopened, succeeded } = houses(t)
  const actor = first()
  for (let n = 0; n < 10; n++) t.ok(writeDeadLetter(actor, n, n % 2 === 0 ? 7 : 8))
  settle(actor, 1, 4, 9)
  for (const next of [() => actor, succeeded, reopened, reopened]) {
    const each = next()
    t.strictSame(offsets(each), [0, 2, 3, 5, 6, 7, 8])
    t.equal(each.letterIndex?.depth, 7)
    t.strictSame([each.letterIndex?.depthOf(7), each.letterIndex?.depthOf(8), each.letterIndex?.depthOf(9)], [4, 3, 0])
    t.equal(each.stats().deadLetterDepth, 7)
  }
})

t.test('a letter is settled once, however often and in however many calls it is said', async t => {
  const { first, reopened } = houses(t)
  const actor = first()
  for (let n = 0; n < 3; n++) writeDeadLetter(actor, n)
  const mark = { offset: 1, cursor: 7 }
  deskOf(actor).settle([mark, mark])
  deskOf(actor).settle([mark])
  deskOf(actor).settle([{ offset: 3, cursor: 7 }])
  t.equal(actor.letterIndex?.depth, 2)
  t.strictSame(offsets(reopened()), [0, 2])
})

t.test('letters that have left the window are found, settled and counted like those in it', async t => {
  const { first, succeeded } = houses(t)
  const actor = first()
  for (let n = 0; n < 300; n++) t.ok(writeDeadLetter(actor, n), `letter ${n}`)
  t.ok(actor.window.start > 0, 'the window was overtaken')
  t.equal(actor.letterIndex?.depth, 300)
  t.equal(offsets(actor).length, 300)
  settle(actor, 0, 17, 299)
  for (const each of [actor, succeeded()]) {
    t.equal(each.letterIndex?.depth, 297)
    const found = offsets(each)
    t.strictSame([found[0], found[16], found.at(-1)], [1, 18, 298])
  }
})

t.test('through many rounds, deaths and kills, what is open is what was not settled', async t => {
  const { first, reopened, succeeded } = houses(t)
  let actor = first()
  const model: number[] = []
  let next = 0
  for (let round = 0; round < 50; round++) {
    for (let each = 0; each < 13; each++) {
      writeDeadLetter(actor, next, 7, 100 + ((next * 37) % 1_500))
      model.push(next++)
    }
    // From both ends, so that holes stay behind the oldest for a while.
    const gone: number[] = []
    for (let each = 0; each < 12 && model.length > 3; each++)
      gone.push(...model.splice(each % 3 === 0 ? model.length - 1 : 0, 1))
    settle(actor, ...gone)
    if (round % 7 === 0) actor = succeeded()
    if (round % 11 === 0) actor = reopened()
    const found = offsets(actor)
    if (JSON.stringify(found) !== JSON.stringify(model) || actor.letterIndex?.depth !== model.length) {
      t.strictSame(found, model, `round ${round}`)
      t.equal(actor.letterIndex?.depth, model.length, `round ${round}`)
      return
    }
  }
  t.ok(next > 600, `${next} letters`)
})

t.test('pages hold at most 64 KiB or one letter, and none is left out or comes twice', async t => {
  const { first } = houses(t)
  const actor = first()
  for (const [n, size] of [30_000, 30_000, 20_000, 40_000, 47_000, 100].entries())
    t.ok(writeDeadLetter(actor, n, 7, size))
  t.strictSame(offsets(actor), [0, 1, 2, 3, 4, 5])
  const sizes = pages(actor).map(({ length }) => length)
  t.ok(
    sizes.every(bytes => bytes <= 65_536),
    `pages of ${sizes}`,
  )
  t.equal(sizes.length, 3, 'and no more pages than that takes')
  t.strictSame(offsets(actor, { offset: 2, position: 77 }), [2, 3, 4, 5], 'only the offset of a cursor counts')
  t.strictSame(offsets(actor, { offset: 6, position: 0 }), [])
  settle(actor, 0, 1)
  t.strictSame(offsets(actor, { offset: 0, position: 0 }), [2, 3, 4, 5], 'what is settled is read past')
})

t.test('one page looks at a bounded part of the log, and says where to go on', async t => {
  const { first } = houses(t)
  const actor = first()
  for (let n = 0; n < 120; n++) writeDeadLetter(actor, n, 7, 47_000)
  deskOf(actor).settle(Array.from({ length: 118 }, (_, at) => ({ offset: at + 1, cursor: 7 })))
  const page = deskOf(actor).page({ offset: 1, position: 0 })
  t.equal(page.frames.length, 0)
  t.ok(page.next !== null && page.next.offset > 80 && page.next.offset < 119, `${page.next?.offset}`)
  t.strictSame(offsets(actor), [0, 119])
})

t.test('letters that all groups of the topic have committed wait no more, and stay so', async t => {
  const { first, reopened } = houses(t)
  const actor = first()
  for (let n = 0; n < 10; n++) writeDeadLetter(actor, n, n < 5 ? 7 : 8)
  const [fast, slow] = [reader(actor, 20, 8), reader(actor, 21)]
  actor.letterIndex?.countRead()
  t.equal(actor.letterIndex?.depth, 10, 'one of them has read nothing')
  slow.committed = 6
  settle(actor, 2, 7)
  t.equal(actor.stats().deadLetterDepth, 3)
  t.strictSame(offsets(actor), [6, 8, 9])
  t.strictSame([actor.letterIndex?.depthOf(7), actor.letterIndex?.depthOf(8)], [0, 3])
  slow.committed = 9
  actor.letterIndex?.countRead()
  t.strictSame(offsets(actor), [8, 9], 'the other has read less by now')
  const next = reopened()
  t.equal(next.letterIndex?.depth, 2)
  t.strictSame(offsets(next), [8, 9])
  reader(next, 20, 10)
  next.letterIndex?.countRead()
  t.equal(next.letterIndex?.depth, 0)
  t.strictSame(offsets(next), [])
  writeDeadLetter(next, 10)
  t.strictSame(offsets(next), [10], 'and who comes later waits again')
  t.equal(next.letterIndex?.depth, 1)
  fast.committed = 0
})

t.test('nobody has read a topic that no group reads', async t => {
  const { first } = houses(t)
  const actor = first()
  for (let n = 0; n < 3; n++) writeDeadLetter(actor, n)
  actor.letterIndex?.countRead()
  t.equal(actor.letterIndex?.depth, 3)
})

t.test('a depth has changed when it is asked about for the first time, and then when it has', async t => {
  const { first } = houses(t)
  const letterIndex = deskOf(first())
  t.strictSame([letterIndex.takeChanged(), letterIndex.takeChanged()], [true, false])
  letterIndex.appended(7)
  t.strictSame([letterIndex.takeChanged(), letterIndex.takeChanged()], [true, false])
})

t.test('after a loss of power no letter is taken for one that was settled before it', async t => {
  const place = houses(t)
  const { dir, first, reopened } = place
  const actor = first()
  for (let n = 0; n < 4; n++) writeDeadLetter(actor, n)
  const [logs, copy] = [join(dir, 'topics'), join(dir, 'copy')]
  cpSync(logs, copy, { recursive: true })
  for (let n = 4; n < 8; n++) writeDeadLetter(actor, n)
  settle(actor, 0, 1, 2, 3, 4, 6, 7)
  // What was synced of the log is as it was; of the letters all is there.
  rmSync(logs, { recursive: true })
  cpSync(copy, logs, { recursive: true })
  const shorter = reopened()
  t.equal(shorter.highWatermark, 4)
  t.equal(shorter.letterIndex?.depth, 0)
  for (let n = 40; n < 44; n++) writeDeadLetter(shorter, n)
  t.strictSame(offsets(shorter), [40, 41, 42, 43])
  const next = reopened()
  t.strictSame(offsets(next), [40, 41, 42, 43])
  t.equal(next.letterIndex?.depth, 4)
})

t.test('once the disk has failed nothing is settled, and who asked is told', async t => {
  const place = houses(t)
  const actor = place.first()
  for (let n = 0; n < 3; n++) writeDeadLetter(actor, n)
  place.house.store.fail(Object.assign(new Error('no'), { syscall: 'write', path: '/x', code: 'EIO' }))
  t.throws(() => settle(actor, 1), { code: 'MILL_DISK' })
  t.strictSame(offsets(actor), [0, 1, 2])
  t.equal(actor.letterIndex?.depth, 3)
  t.equal(place.house.told.length, 1)
  reader(actor, 20, 2)
  t.equal(actor.stats().deadLetterDepth, 3, 'nor read')
  t.notOk(writeDeadLetter(actor, 3), 'and no letter is taken')
  t.strictSame(offsets(place.reopened()), [0, 1, 2])
})

t.test('letters that retention has removed are counted no more, whosever they were', async t => {
  const place = houses(t)
  const actor = place.first()
  for (let n = 0; n < 9; n++) writeDeadLetter(actor, n, n % 3)
  settle(actor, 1, 5)
  let startOffset = 0
  const log = actor.records as PartitionDisk
  const letterIndex = new StoredLetterIndex(
    {
      get startOffset() {
        return startOffset
      },
      error: null,
      frames: (offset, endOffset) => log.frames(Math.max(offset, startOffset), endOffset),
      settledLetters: () => log.settledLetters(),
      keepSettled: change => log.keepSettled(change),
    },
    actor,
  )
  const depths = (): number[] => [
    letterIndex.depth,
    letterIndex.depthOf(0),
    letterIndex.depthOf(1),
    letterIndex.depthOf(2),
  ]
  t.strictSame(depths(), [7, 3, 2, 2])
  startOffset = 4
  t.strictSame(depths(), [7, 3, 2, 2])
  letterIndex.countRead()
  t.strictSame(depths(), [4, 1, 2, 1])
  letterIndex.settle([{ offset: 0, cursor: 0 }])
  t.strictSame(depths(), [4, 1, 2, 1], 'and those that are gone are not settled')
  t.strictSame(offsets(place.reopened()), [4, 6, 7, 8])
})

t.test('a letter keeps its group, its reason and its bytes', async t => {
  const { first, reopened } = houses(t)
  writeDeadLetter(first(), 5, 9, 10)
  const [letter] = open(reopened())
  t.match(letter, { topic: 'orders', offset: 5, group: 'g', reason: 'failed', cursor: 9 })
  t.strictSame(
    [...(letter?.valueBytes ?? [])],
    Array.from({ length: 10 }, () => 5),
  )
})
