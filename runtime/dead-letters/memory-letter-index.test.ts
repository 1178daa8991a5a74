/** The letter index over a real window: what is open, page by page, through takeovers and around the end of the memory. */
import { Arena, Memory, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { lettersIn } from '../api/stored-letter.ts'
import { Joints } from '../partition/joints.ts'
import { PartitionActor } from '../partition/partition-actor.ts'
import { NO_LOANS } from '../partition/partition-house.fixture.ts'
import type { LetterCursor } from '../wire/letter-calls.ts'
import type { TopicShape } from '../wire/places.ts'
import { deskOf, offsets, open, settle, WINDOW, writeDeadLetter } from './letter-house.fixture.ts'
import { letterIndexBytes } from './memory-letter-index.ts'

const topic: TopicShape = {
  id: 1,
  name: 'orders.g.dlq',
  partitions: 1,
  codec: 'bytes',
  maxMessageBytes: 16_000,
  windowBytes: WINDOW,
  onFull: 'wait',
  durability: 'memory',
  log: null,
}

function house() {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const window = { address: arena.allocate(windowBytes(WINDOW)), capacity: WINDOW }
  const bits = arena.allocate(letterIndexBytes(WINDOW))
  const gate = arena.allocate(128)
  const words = arena.allocate(128)
  /** The partition as a new thread finds it. */
  const takeover = (): PartitionActor => {
    const upcalls = {
      fault: () => undefined,
      ringDrained: () => undefined,
      joints: new Joints(() => undefined),
      woken: () => undefined,
      took: () => undefined,
      log: null,
      windows: NO_LOANS,
    }
    const actor = new PartitionActor(
      memory,
      { topic: 1, partition: 0, host: 0, window, words, log: null },
      topic,
      upcalls,
    )
    actor.takeDeadLetters(bits)
    return actor
  }
  return { memory, gate, takeover }
}

t.test('letters are settled one by one, counted by group, and a successor finds what is left', async t => {
  const { takeover } = house()
  const actor = takeover()
  for (let n = 0; n < 10; n++) t.ok(writeDeadLetter(actor, n, n % 2 === 0 ? 7 : 8))
  settle(actor, 1, 4, 9)
  for (const each of [actor, takeover()]) {
    t.strictSame(offsets(each), [0, 2, 3, 5, 6, 7, 8])
    t.equal(each.letterIndex?.depth, 7)
    t.strictSame([each.letterIndex?.depthOf(7), each.letterIndex?.depthOf(8), each.letterIndex?.depthOf(9)], [4, 3, 0])
  }
  actor.letterIndex?.settle([{ offset: 4, cursor: 7 }])
  t.equal(actor.letterIndex?.depth, 7, 'what is settled is settled once')
})

t.test('what fills a partition is from the first letter that may not go on', async t => {
  const { memory, gate, takeover } = house()
  const actor = takeover()
  const filled = (): number => Math.round((actor.letterIndex?.filled ?? 0) * WINDOW)
  t.equal(filled(), 0)
  for (let n = 0; n < 10; n++) writeDeadLetter(actor, n)
  const all = actor.window.end - actor.window.start
  t.equal(filled(), all)
  settle(actor, 1, 4, 9)
  t.equal(filled(), all, 'those behind an open one keep their place')
  settle(actor, 0, 2)
  t.equal(filled(), all * 0.7)
  t.equal(Math.round((takeover().letterIndex?.filled ?? 0) * WINDOW), all * 0.7, 'as a successor finds it')
  settle(actor, 3, 5, 6, 7, 8)
  t.equal(filled(), 0)
  // A group reads it from here on: what it has not read stays.
  const read = actor.window.end
  memory.store(gate, read)
  actor.window.gates.push(gate)
  writeDeadLetter(actor, 11)
  settle(actor, 11)
  actor.letterIndex?.countRead()
  t.equal(filled(), actor.window.end - read)
})

t.test('a full partition takes a letter again when its oldest is settled, not a younger one', async t => {
  const { takeover } = house()
  const actor = takeover()
  let count = 0
  while (count < 1_000 && writeDeadLetter(actor, count)) count++
  t.ok(count > 20 && count < 1_000)
  settle(actor, 3)
  t.notOk(writeDeadLetter(actor, count))
  settle(actor, 0, 1)
  t.ok(writeDeadLetter(actor, count))
  t.equal(offsets(actor)[0], 2)
  t.equal(actor.stats().dropped, 0)
})

t.test('through thousands of letters and many takeovers, what is open is what was not settled', async t => {
  const { takeover } = house()
  let actor = takeover()
  const model: number[] = []
  let next = 0
  for (let round = 0; round < 400; round++) {
    for (let each = 0; each < 13 && writeDeadLetter(actor, next, 7, 100 + ((next * 37) % 1_500)); each++)
      model.push(next++)
    // From both ends, so that holes stay behind the oldest for a while.
    const gone: number[] = []
    for (let each = 0; each < 12 && model.length > 3; each++)
      gone.push(...model.splice(each % 3 === 0 ? model.length - 1 : 0, 1))
    settle(actor, ...gone)
    if (round % 7 === 0) actor = takeover()
    const found = offsets(actor)
    if (JSON.stringify(found) !== JSON.stringify(model) || actor.letterIndex?.depth !== model.length) {
      t.strictSame(found, model, `round ${round}`)
      return
    }
  }
  t.ok(next > 3_000, `${next} letters`)
})

t.test('letters that all groups of the topic have passed count no more once their place is needed', async t => {
  const { memory, gate, takeover } = house()
  const actor = takeover()
  actor.window.gates.push(gate)
  let count = 0
  while (writeDeadLetter(actor, count)) count++
  t.equal(actor.letterIndex?.depth, count)
  memory.store(gate, actor.window.end)
  actor.letterIndex?.countRead()
  t.equal(actor.letterIndex?.depth, 0, 'they wait for nobody')
  for (const each of [actor, takeover()])
    t.strictSame([open(each).length, each.letterIndex?.depth], [0, 0], 'and are not listed')
  actor.letterIndex?.settle([{ offset: 2, cursor: 7 }])
  t.equal(actor.letterIndex?.depth, 0)
  t.ok(writeDeadLetter(actor, count))
  t.strictSame(offsets(actor), [count])
  t.equal(actor.letterIndex?.depth, 1)
  t.equal(takeover().letterIndex?.depthOf(7), 1)
})

t.test('letters that were read make room also when nobody reads the topic any more', async t => {
  const { memory, gate, takeover } = house()
  const actor = takeover()
  actor.window.gates.push(gate)
  let count = 0
  while (writeDeadLetter(actor, count)) count++
  const third = (actor.window.start + 3 * actor.reader.word(actor.window.start)) | 0
  memory.store(gate, third)
  actor.letterIndex?.countRead()
  t.equal(actor.letterIndex?.depth, count - 3)
  actor.window.gates.pop()
  let more = 0
  while (writeDeadLetter(actor, count + more)) more++
  t.ok(more >= 2 && more <= 3, `${more} of the size of those`)
  t.equal(actor.letterIndex?.depth, count - 3 + more)
  t.ok(offsets(actor).includes(3), 'the first that was not read stays')
})

t.test('a cursor whose frame is gone starts at what is oldest; one from nowhere does as well', async t => {
  const { takeover } = house()
  const actor = takeover()
  for (let n = 0; n < 5; n++) writeDeadLetter(actor, n)
  const wanted = (cursor: LetterCursor): number[] =>
    lettersIn(deskOf(actor).page(cursor).frames, 'bytes', topic.name, 0).map(({ offset }) => offset)
  t.strictSame(wanted({ offset: 3, position: 0 }), [3, 4])
  for (const position of [8, -8, 1 << 30, 4, actor.window.end])
    t.strictSame(wanted({ offset: 3, position }), [3, 4], `position ${position}`)
  t.strictSame(wanted({ offset: 9, position: 0 }), [])
})

t.test('pages are bounded, and a letter larger than a page is one', async t => {
  const { takeover } = house()
  const actor = takeover()
  for (const size of [30_000, 20_000]) t.ok(writeDeadLetter(actor, size, 7, size))
  t.equal(open(actor).length, 2)
  const { frames, next } = deskOf(actor).page({ offset: 0, position: 0 })
  t.ok(frames.length < 65_536)
  t.equal(next, null)
})
