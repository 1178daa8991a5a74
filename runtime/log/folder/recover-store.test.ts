/** Folders of several hosts, recovered before any host starts. */
import t from 'tap'
import { BRIEF, CLICKS, entryOf, ORDERS, PARTITIONS, ROOT, STORE_ID, StoreBench } from '../store/log-store.fixture.ts'
import type { LogStore } from '../store/log-store.ts'
import type { StoredPartition } from '../store/stored-partition.ts'
import type { StoredTopic } from '../store/stored-topic.ts'
import { recoverStore } from './recover-store.ts'

const LATE: StoredTopic = { ...ORDERS, topic: 9 }
const TOPICS = new Map([ORDERS, CLICKS, BRIEF].map(topic => [topic.topic, { ...topic, partitions: 2 }]))

/** Appends this many times one record. */
function fill(store: LogStore, log: StoredPartition, times: number, valueBytes = 100): void {
  for (let time = 0; time < times; time++) store.append([entryOf(log, valueBytes)])
}

t.test('another number of hosts finds everything, and no file of those before', async t => {
  const bench = new StoreBench()
  const one = bench.open({}, PARTITIONS.slice(0, 2), 0)
  const two = bench.open({}, PARTITIONS.slice(2), 1)
  fill(one, one.partition(ORDERS, 0), 3)
  fill(two, two.partition(BRIEF, 0), 4)
  bench.losePower()
  recoverStore(bench.disk, ROOT, STORE_ID, TOPICS, () => undefined)
  t.strictSame(bench.disk.list(ROOT), ['marks', 'topics'])
  bench.losePower()
  const next = bench.open({}, PARTITIONS, 2)
  t.equal(next.partition(ORDERS, 0).endOffset, 3)
  t.equal(next.partition(ORDERS, 0).syncedTo, 3)
  t.equal(next.partition(BRIEF, 0).endOffset, 4)
})

t.test('what was marked when the hosts of before were recovered must be there', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(ORDERS, 0)
  fill(store, log, 3)
  bench.losePower()
  recoverStore(bench.disk, ROOT, STORE_ID, TOPICS, () => undefined)
  const file = bench.disk.open(`${log.folder}/00000000000000000000.log`, 'write')
  file.truncate(file.size() - 8)
  t.throws(() => bench.open({}, PARTITIONS, 4), { name: 'CorruptLogError', file: file.path })
})

t.test('recovery of all hosts tells of bad ends, and forgets topics that are gone', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  fill(store, store.partition(ORDERS, 0), 2)
  fill(store, store.partition(LATE, 0), 1)
  bench.crash()
  const file = bench.disk.open(`${ROOT}/host-0.journal-a`, 'write')
  const last = 88 + 3 * (88 + entryOf(store.partition(ORDERS, 0)).bytes) - 1
  file.write([Buffer.from([255])], last)
  const cuts: string[] = []
  recoverStore(bench.disk, ROOT, STORE_ID, TOPICS, ({ file }) => cuts.push(file))
  t.strictSame(cuts, [file.path])
  recoverStore(bench.disk, ROOT, STORE_ID, TOPICS, ({ file }) => cuts.push(file))
  t.equal(cuts.length, 1, 'there is nothing left to recover')
  t.equal(bench.open().partition(ORDERS, 0).syncedTo, 2)
})

t.test('a mark that another host lowered is the one that counts', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  fill(store, store.partition(ORDERS, 0), 8)
  store.close()
  recoverStore(bench.disk, ROOT, STORE_ID, TOPICS, () => undefined)
  const next = bench.open({}, PARTITIONS, 1)
  next.truncateTo(next.partition(ORDERS, 0), 5)
  bench.losePower()
  recoverStore(bench.disk, ROOT, STORE_ID, TOPICS, () => undefined)
  t.equal(bench.open({}, PARTITIONS, 0).partition(ORDERS, 0).endOffset, 5)
})

t.test('a log of which nothing was ever removed begins at its first record', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const { log, folder } = store.partition(ORDERS, 0)
  while (log.segments < 2) fill(store, store.partition(ORDERS, 0), 1, 1_000)
  bench.crash()
  bench.disk.remove(`${folder}/00000000000000000000.log`)
  const recover = (): void => recoverStore(bench.disk, ROOT, STORE_ID, TOPICS, () => undefined)
  t.throws(recover, { name: 'CorruptLogError', message: /nothing was removed from offset 0 on/ })
})
