/** What a look at a whole folder says of a pass that was not whole: the next opening does the same. */
import t from 'tap'
import { beginIdentity, commitIdentity, readIdentity } from '../store/identity.ts'
import { CLICKS, entryOf, ORDERS, ROOT, StoreBench } from '../store/log-store.fixture.ts'
import { LogStore } from '../store/log-store.ts'
import { StateLog } from '../store/state-log.ts'
import type { StoredPartition } from '../store/stored-partition.ts'
import { verifyStore } from './verify-store.ts'

const TOPICS = [ORDERS, CLICKS]

class Folder {
  readonly bench = new StoreBench()
  readonly #logId: Uint8Array

  constructor() {
    const { disk } = this.bench
    beginIdentity(disk, ROOT)
    commitIdentity(disk, ROOT, { logId: new Uint8Array(0), version: 0 })
    this.#logId = readIdentity(disk, ROOT).logId
    const catalog = StateLog.open(disk, `${ROOT}/catalog`, { logId: this.#logId, syncs: true })
    for (const { topic: id, durability } of TOPICS)
      catalog.write([[`topic/${id}`, { shape: { id, name: `t${id}`, partitions: 1, durability }, isMade: true }]])
    catalog.close()
  }

  open(): readonly [LogStore, StoredPartition[]] {
    const { disk } = this.bench
    const partitions = TOPICS.map(topic => ({ topic, partition: 0 }))
    const store = LogStore.open(disk, ROOT, 0, this.#logId, partitions, { journalBytes: 8192 })
    return [store, TOPICS.map(topic => store.partition(topic, 0))]
  }

  /** What is said of each partition. */
  findings(): unknown[] {
    return verifyStore(this.bench.disk, ROOT).partitions.map(({ findings }) => findings)
  }
}

function together(store: LogStore, logs: readonly StoredPartition[]): void {
  const entries = logs.map(log => entryOf(log))
  store.append(entries, entries)
}

t.test('a pass of which the journal has nothing is told where it is written, and is no damage', async t => {
  const folder = new Folder()
  const [store, logs] = folder.open()
  together(store, logs)
  t.same(folder.findings(), [[], []])
  folder.bench.disk.fail({ operation: 'write', path: /journal/ })
  t.throws(() => together(store, logs), { name: 'DiskError' })
  folder.bench.crash()
  const why = 'from offset 1 on, what was written with it is missing in another log'
  t.same(folder.findings(), [[], [{ file: `${ROOT}/topics/2-0`, position: 0, why, isDamage: false }]])
  const [, opened] = folder.open()
  t.same(
    opened.map(({ endOffset }) => endOffset),
    [1, 1],
  )
  t.same(folder.findings(), [[], []])
})

t.test('what the journal has is not missing', async t => {
  const folder = new Folder()
  const [store, logs] = folder.open()
  together(store, logs)
  folder.bench.disk.fail({ operation: 'write', path: /1-0/ })
  t.throws(() => together(store, logs), { name: 'DiskError' })
  folder.bench.crash()
  t.same(verifyStore(folder.bench.disk, ROOT).partitions[1]?.findings, [])
  const [, opened] = folder.open()
  t.same(
    opened.map(({ endOffset }) => endOffset),
    [2, 2],
  )
})
