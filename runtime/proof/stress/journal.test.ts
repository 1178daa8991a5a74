/** A journal in the hands of threads that are ended while they write. Real threads. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { Journal } from './journal.fixture.ts'

const WRITER = new URL('./journal-writer.fixture.js', import.meta.url)

t.test('what ended threads wrote is whole and in order, but for one entry of each at most', async t => {
  const journal = new Journal(300_000)
  const writers = [1, 2, 3].map(who => new Worker(WRITER, { workerData: { buffer: journal.buffer, who } }))
  await Promise.all(writers.map(writer => once(writer, 'online')))
  while (journal.length < 1_000) await new Promise(setImmediate)
  await Promise.all(writers.map(writer => writer.terminate()))
  const last = [-1, -1, -1, -1]
  const wrong: string[] = []
  let torn = 0
  for (const { kind, who, partition, offset, id } of journal.entries()) {
    if (kind === 'torn') {
      torn++
      continue
    }
    if (partition !== who || id !== offset * 2 || offset !== (last[who] as number) + 1) wrong.push(`${who} ${offset}`)
    last[who] = offset
  }
  t.strictSame(wrong.slice(0, 5), [])
  t.ok(torn <= 3, `${torn} are torn`)
})

t.test('entries come in the order of their numbers, whoever wrote them', async t => {
  const journal = new Journal(4)
  const other = new Journal(journal.buffer)
  journal.add('read', { offset: 1, id: 11, key: 3 })
  other.add('committed', { offset: 2 })
  journal.add('letter', { partition: 1, offset: 4, a: 2, b: 7, c: 33 })
  const found = [...other.entries()].map(({ kind, number, offset }) => [kind, number, offset])
  t.strictSame(found, [
    ['read', 0, 1],
    ['committed', 1, 2],
    ['letter', 2, 4],
  ])
  t.match([...other.entries()][0], { id: 11, key: 3 })
})

t.test('an entry that was claimed and not finished is torn, and says nothing', async t => {
  const journal = new Journal(4)
  journal.add('read', { offset: 1 })
  Atomics.add(new Int32Array(journal.buffer), 0, 1)
  journal.add('read', { offset: 2 })
  t.strictSame(
    [...journal.entries()].map(({ kind }) => kind),
    ['read', 'torn', 'read'],
  )
})

t.test('a journal without room leaves out what comes, and says so', async t => {
  const journal = new Journal(2)
  t.strictSame([journal.add('read', {}), journal.add('read', {})], [0, 1])
  t.equal(journal.isFull, false)
  for (let more = 0; more < 5; more++) t.equal(journal.add('read', {}), -1)
  t.equal(journal.isFull, true)
  t.equal([...journal.entries()].length, 2)
})
