/** What a turn of a thread costs, in turns of its readers: those that are busy have one, and the others none. */
import t, { type Test } from 'tap'
import { LINK_HINTS, VERDICT } from '../link/link.ts'
import { until } from '../proof/fixtures/broker.fixture.ts'
import { linkedThread } from './linked-thread.fixture.ts'
import type { TurnTaker } from './turn-taker.ts'

const TAKERS = 100

class Reader implements TurnTaker {
  records = 0
  turns = 0
  isAnswered = false
  verdicts = 0

  ready(): boolean {
    return this.records > 0
  }

  turn(): boolean {
    this.turns++
    if (this.records === 0) return false
    this.records--
    return true
  }

  verdict(): void {
    this.verdicts++
  }
}

function linkedReaders(t: Test) {
  const { memory, thread, link } = linkedThread(t)
  const readers = Array.from({ length: TAKERS }, () => new Reader())
  for (const [cursor, reader] of readers.entries()) thread.addTaker(cursor, reader)
  const reader = (cursor: number): Reader => readers[cursor] as Reader
  /** Until all of them have had their first turn. */
  const rest = (): Promise<void> => until(() => readers.every(({ turns }) => turns > 0))
  return { memory, thread, link, readers, reader, rest }
}

t.test('a hint of the host gives a turn to the reader that it names, and to no other', async t => {
  const { thread, link, reader, rest } = linkedReaders(t)
  await rest()
  const { looks } = thread
  reader(42).records = 3
  link.wake(42)
  await until(() => reader(42).records === 0)
  await new Promise(setImmediate)
  t.ok(thread.looks - looks <= 6, `${thread.looks - looks} turns for three records`)
  t.equal(reader(41).turns, 1, 'which it had in the beginning')
})

t.test('so does a verdict, and whatever wakes a reader on its own thread', async t => {
  const { thread, link, reader, rest } = linkedReaders(t)
  await rest()
  link.verdict(7, 1, 0, VERDICT.skip, 0, 0)
  link.publish()
  await until(() => reader(7).turns > 1)
  t.equal(reader(7).verdicts, 1)
  thread.wake(8)
  await until(() => reader(8).turns > 1)
  t.equal(reader(9).turns, 1)
  thread.wake(null)
  await until(() => reader(9).turns > 1)
})

t.test('when hints were lost, every reader has a turn', async t => {
  const { thread, link, readers, reader, rest } = linkedReaders(t)
  await rest()
  reader(99).records = 1
  link.wake(99)
  for (let hint = 0; hint < LINK_HINTS; hint++) link.wake(hint % 3)
  // It has its turn in the same turn of the thread, and not only when that looks at all readers again.
  thread.wake(50)
  await until(() => reader(50).turns > 1)
  t.equal(reader(99).records, 0)
  t.ok(readers.every(({ turns }) => turns > 1))
})

t.test('a thread looks again before it sleeps if its reader is about to be answered, and not otherwise', async t => {
  /** Whether it has found what came while it looked, at this access. */
  const found = async (isAnswered: boolean, atLoad: number): Promise<boolean> => {
    const { memory, thread, link, reader, rest } = linkedReaders(t)
    await rest()
    await new Promise(setImmediate)
    const [{ load }, taker] = [memory, reader(42)]
    taker.isAnswered = isAnswered
    let loads = 0
    const looked = (address: number): number => {
      if (++loads === atLoad) {
        taker.records = 1
        link.wake(42)
      }
      return load(address)
    }
    thread.wake(42)
    Object.assign(memory, { load: looked })
    await new Promise(setImmediate)
    Object.assign(memory, { load })
    thread.close()
    return loads >= atLoad && taker.records === 0
  }
  t.notOk(await found(false, 20))
  let isFound = false
  // A turn that is late already does not look on.
  for (let left = 100; left > 0 && !isFound; left--) isFound = await found(true, 20)
  t.ok(isFound)
  t.notOk(await found(true, 3_000), 'it does not look for ever')
})
