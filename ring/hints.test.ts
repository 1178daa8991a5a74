/** Hints on one thread, step by step. */
import t from 'tap'
import { HintReader, HintWriter, hintsBytes } from './hints.ts'
import { LINE_BYTES } from './layout.ts'
import { Memory } from './memory.ts'

const ENTRIES = 8

function hintsFrom(start: number): { memory: Memory; writer: HintWriter; reader: HintReader } {
  const memory = Memory.allocate(hintsBytes(ENTRIES))
  memory.store(0, start)
  return { memory, writer: new HintWriter(memory, 0, ENTRIES), reader: new HintReader(memory, 0, ENTRIES) }
}

/** What the reader is told; `null`: that some are lost. */
function taken(reader: HintReader): number[] | null {
  const numbers: number[] = []
  return reader.take(number => numbers.push(number)) ? numbers : null
}

for (const start of [0, 0x7fffffff, -1]) {
  t.test(`hands over each number once, in order, from ${start} on`, async t => {
    const { writer, reader } = hintsFrom(start)
    t.notOk(reader.ready())
    t.same(taken(reader), [])
    for (const number of [5, -6, 5]) writer.add(number)
    t.ok(reader.ready())
    t.same(taken(reader), [5, -6, 5])
    t.notOk(reader.ready())
    t.same(taken(reader), [])
  })

  t.test(`tells a reader that is too far behind, and goes on with what comes then, from ${start} on`, async t => {
    const { writer, reader } = hintsFrom(start)
    for (let number = 0; number < ENTRIES - 1; number++) writer.add(number)
    t.same(taken(reader), [0, 1, 2, 3, 4, 5, 6])
    for (let number = 0; number < ENTRIES; number++) writer.add(number)
    t.equal(taken(reader), null)
    writer.add(9)
    t.same(taken(reader), [9])
  })
}

t.test('finds out that it was overtaken while it read', async t => {
  const { writer, reader } = hintsFrom(0)
  writer.add(1)
  const told: number[] = []
  const isWhole = reader.take(number => {
    told.push(number)
    for (let more = 0; more < ENTRIES; more++) writer.add(100 + more)
  })
  t.notOk(isWhole)
  t.same(told, [1], 'what was there when it looked')
})

t.test('a successor of either goes on where the other is', async t => {
  const { memory, writer, reader } = hintsFrom(0)
  writer.add(1)
  t.same(taken(reader), [1])
  const nextWriter = new HintWriter(memory, 0, ENTRIES)
  nextWriter.add(2)
  t.same(taken(reader), [2])
  nextWriter.add(3)
  const nextReader = new HintReader(memory, 0, ENTRIES)
  t.same(taken(nextReader), [], 'it looks everywhere first')
  nextWriter.add(4)
  t.same(taken(nextReader), [4])
})

t.test('takes a power of two of entries, each a word behind the count', async t => {
  t.equal(hintsBytes(ENTRIES), LINE_BYTES + 4 * ENTRIES)
  const memory = Memory.allocate(1_024)
  for (const entries of [0, 3, -4, 1.5]) {
    t.throws(() => new HintWriter(memory, 0, entries), RangeError)
    t.throws(() => new HintReader(memory, 0, entries), RangeError)
  }
})
