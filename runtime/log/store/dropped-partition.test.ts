/** Partitions of a store that are of no use: none of their files stays open. */
import t from 'tap'
import { ORDERS, StoreBench } from './log-store.fixture.ts'
import type { StoredTopic } from './stored-topic.ts'

const LATE: StoredTopic = { ...ORDERS, topic: 9 }

t.test('a partition that is dropped, or that could not be made, has no open file', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const openFiles = (): number => {
    const count = (operation: string): number =>
      bench.disk.calls.filter(call => call.operation === operation && call.errno === null).length
    return count('open') - count('close')
  }
  const before = openFiles()
  store.partition(LATE, 0)
  t.ok(openFiles() > before)
  store.drop(LATE.topic, 0)
  t.equal(openFiles(), before)
  bench.disk.fail({ operation: 'syncDirectory', path: /9-1$/, errno: 'EMFILE' })
  t.throws(() => store.partition(LATE, 1), { message: /EMFILE/ })
  t.equal(openFiles(), before)
  t.equal(store.partition(LATE, 0).endOffset, 0, 'it can be opened again')
})
