import t from 'tap'
import { DiskError } from '../disk/disk.ts'
import { framesIn } from '../format/log-frames.fixture.ts'
import type { FaultPoint } from './fault-point.ts'
import { BRIEF, CLICKS, contentOf, entryOf, ORDERS, PARTITIONS, ROOT, StoreBench } from './log-store.fixture.ts'
import type { LogStore } from './log-store.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'

const LATE: StoredTopic = { ...ORDERS, topic: 9 }
const _TOPICS = new Map([ORDERS, CLICKS, BRIEF].map(topic => [topic.topic, { ...topic, partitions: 2 }]))

/** Appends this many times one record. */
function fill(store: LogStore, log: StoredPartition, times: number, valueBytes = 100): void {
  for (let time = 0; time < times; time++) store.append([entryOf(log, valueBytes)])
}

t.test(
  'a group commit writes all segments first, and is then durable by one write and one sync of the journal',
  async t => {
    const bench = new StoreBench()
    const store = bench.open()
    const [a, b, clicks] = [store.partition(ORDERS, 0), store.partition(ORDERS, 1), store.partition(CLICKS, 0)]
    bench.changes()
    store.append([entryOf(a), entryOf(clicks), entryOf(b), entryOf(a, 100, 1)])
    t.strictSame(bench.changes(), [
      ...Array(4).fill('write 0.log'),
      'write host-0.ends',
      'write host-0.journal-a',
      'sync host-0.journal-a',
    ])
    t.strictSame([a.endOffset, b.endOffset, clicks.endOffset], [2, 1, 1])
  },
)

t.test('what need not survive a loss of power is not in the journal', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  bench.changes()
  store.append([entryOf(store.partition(CLICKS, 0))])
  t.strictSame(bench.changes(), ['write 0.log', 'write host-0.ends'])
})

t.test('a loss of power takes no frame of a topic that is synced, and it may take others', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const [orders, clicks] = [store.partition(ORDERS, 0), store.partition(CLICKS, 0)]
  fill(store, orders, 5)
  fill(store, clicks, 5)
  const content = contentOf(bench.disk, orders)
  bench.losePower()
  const next = bench.open()
  t.same(contentOf(bench.disk, next.partition(ORDERS, 0)), content)
  t.equal(next.partition(CLICKS, 0).endOffset, 0, 'this loss takes all that it can')
})

t.test('the end of the process takes nothing that was appended', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  for (const { topic, partition } of PARTITIONS) fill(store, store.partition(topic, partition), 3)
  bench.crash()
  const next = bench.open()
  for (const { topic, partition } of PARTITIONS) t.equal(next.partition(topic, partition).endOffset, 3)
})

t.test(
  'a group commit that is larger than the journal is split, and a larger entry is synced in its segment',
  async t => {
    const bench = new StoreBench()
    const store = bench.open({ journalBytes: 4096 })
    const log = store.partition(ORDERS, 0)
    store.append([0, 1, 2, 3, 4, 5].map(offset => entryOf(log, 900, offset)))
    const large = [6, 7, 8, 9, 10].map(offset => entryOf(log, 900, offset))
    const parts = large.flatMap(({ parts }) => parts)
    const bytes = large.reduce((sum, entry) => sum + entry.bytes, 0)
    store.append([{ log, baseOffset: 6, endOffset: 11, maxTimestamp: 1000, parts, bytes }])
    store.append([entryOf(log)])
    const content = contentOf(bench.disk, log)
    bench.losePower()
    const next = bench.open().partition(ORDERS, 0)
    t.equal(next.endOffset, 12)
    t.same(contentOf(bench.disk, next), content)
  },
)

t.test('a full journal makes all segments durable, and goes on', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 4096 })
  const [a, clicks] = [store.partition(ORDERS, 0), store.partition(CLICKS, 0)]
  fill(store, clicks, 1)
  fill(store, a, 100)
  bench.losePower()
  const next = bench.open()
  t.equal(next.partition(ORDERS, 0).endOffset, 100)
  t.equal(next.partition(CLICKS, 0).endOffset, 1, 'a checkpoint covers it, too')
})

t.test('a checkpoint of the background syncs segments, then marks them, and only then frees the journal', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 4096 })
  const log = store.partition(ORDERS, 0)
  t.equal(store.tend(0), false)
  while (bench.sim.syncing === 0) {
    fill(store, log, 1)
    store.tend(0)
  }
  bench.changes()
  t.equal(store.tend(0), true, 'it is under way')
  t.strictSame(bench.changes(), [], 'and is not begun again')
  bench.sim.runLater()
  t.strictSame(bench.changes().slice(-3, -1), ['write host-0.marks', 'sync host-0.marks'])
  t.equal(store.tend(0), false)
  t.equal(log.isDirty, false)
})

t.test('what was appended while a checkpoint ran is not taken for durable by it', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 4096 })
  const log = store.partition(ORDERS, 0)
  while (!store.tend(0)) fill(store, log, 1)
  const begun = log.endOffset
  fill(store, log, 2)
  bench.sim.runLater()
  t.equal(log.syncedTo, begun)
  bench.losePower()
  t.equal(bench.open().partition(ORDERS, 0).endOffset, begun + 2)
})

t.test('the journal keeps what was appended while a checkpoint ran, also when it changes files', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 4096 })
  const log = store.partition(ORDERS, 0)
  while (!store.tend(0)) fill(store, log, 1)
  fill(store, log, 2)
  bench.sim.runLater()
  const files = new Set<string>()
  bench.changes()
  while (files.size < 2) {
    fill(store, log, 1)
    for (const call of bench.changes()) if (call.startsWith('write host-0.journal')) files.add(call)
  }
  const { endOffset } = log
  bench.losePower()
  t.equal(bench.open().partition(ORDERS, 0).endOffset, endOffset)
})

t.test('a checkpoint that was begun before a log was cut does not mark what was cut', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 4096 })
  const log = store.partition(ORDERS, 0)
  while (!store.tend(0)) fill(store, log, 1)
  store.truncateTo(log, 3)
  bench.sim.runLater()
  t.ok(log.syncedTo <= 3)
  bench.losePower()
  t.equal(bench.open().partition(ORDERS, 0).endOffset, 3)
})

t.test('what is cut does not come back, neither from the journal nor as damage', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(ORDERS, 0)
  fill(store, log, 10)
  t.equal(store.truncateTo(log, 4), 4)
  bench.losePower()
  const next = bench.open()
  const again = next.partition(ORDERS, 0)
  t.equal(again.endOffset, 4, 'cut from segments that were not marked')
  fill(next, again, 5)
  next.close()
  const third = bench.open()
  t.equal(third.truncateTo(third.partition(ORDERS, 0), 6), 6)
  bench.losePower()
  t.equal(bench.open().partition(ORDERS, 0).endOffset, 6, 'cut from those that were')
})

t.test('what is cut does not come back, though its writer died before that was durable', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  fill(store, store.partition(ORDERS, 0), 10)
  store.close()
  const next = bench.open()
  bench.disk.fail({ operation: 'sync', path: /topics.*log$/ })
  t.throws(() => next.truncateTo(next.partition(ORDERS, 0), 6), { name: 'DiskError', operation: 'sync' })
  bench.crash()
  t.equal(bench.open().partition(ORDERS, 0).endOffset, 6)
  bench.losePower()
  t.equal(bench.open().partition(ORDERS, 0).endOffset, 6)
})

t.test('an offset within a frame cuts the whole frame; none before the start can be cut to', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(ORDERS, 0)
  fill(store, log, 2)
  const frame = entryOf(log)
  store.append([{ ...frame, endOffset: 3 }])
  t.equal(store.truncateTo(log, 3), 3)
  t.throws(() => store.truncateTo(log, -1), RangeError)
  store.append([entryOf(log)])
  t.equal(log.endOffset, 4, 'a refusal is no failure')
})

t.test('a host that follows a dead thread finds what that one wrote, and cuts what it did not commit', async t => {
  const bench = new StoreBench()
  const died: FaultPoint[] = []
  const fault = (point: FaultPoint): void => {
    if (point === 'journalWritten' && died.push(point) === 3) throw new Error('the thread dies')
  }
  const store = bench.open({ fault })
  const log = store.partition(ORDERS, 0)
  fill(store, log, 2)
  t.throws(() => fill(store, log, 1), { message: 'the thread dies' })
  const next = bench.open()
  const heir = next.partition(ORDERS, 0)
  t.equal(heir.endOffset, 3)
  next.truncateTo(heir, 2)
  fill(next, heir, 1, 50)
  const content = contentOf(bench.disk, heir)
  bench.losePower()
  t.same(contentOf(bench.disk, bench.open().partition(ORDERS, 0)), content)
})

t.test('frames of topics that are gone are skipped', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  fill(store, store.partition(LATE, 0), 2)
  fill(store, store.partition(ORDERS, 0), 2)
  bench.losePower()
  t.equal(bench.open().partition(ORDERS, 0).endOffset, 2)
})

t.test('a topic that is made later is opened, and found again', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  fill(store, store.partition(LATE, 1), 2)
  t.equal(store.partition(LATE, 1), store.partition(LATE, 1))
  bench.losePower()
  t.equal(bench.open({}, [...PARTITIONS, { topic: LATE, partition: 1 }]).partition(LATE, 1).endOffset, 2)
})

t.test('a log that has lost what the journal goes on from is damaged, and names file and byte', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(ORDERS, 0)
  fill(store, log, 3)
  store.close()
  const next = bench.open()
  fill(next, next.partition(ORDERS, 0), 1)
  bench.crash()
  bench.disk.remove(`${log.folder}/00000000000000000000.log`)
  bench.disk.remove(`${log.folder}/00000000000000000000.index`)
  bench.disk.remove(`${ROOT}/host-0.marks`)
  t.throws(() => bench.open(), { name: 'CorruptLogError', file: /journal/, why: /goes on at offset 3.*ends at 0/ })
})

t.test('frames that were never acknowledged give way to those of the journal, but never below the mark', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(ORDERS, 0)
  fill(store, log, 3)
  const content = contentOf(bench.disk, log)
  const other = entryOf(log, 100, 1, 2000)
  bench.crash()
  const file = bench.disk.open(`${log.folder}/00000000000000000000.log`, 'write')
  file.write(other.parts, 64 + other.bytes)
  const next = bench.open()
  t.same(contentOf(bench.disk, next.partition(ORDERS, 0)), content)
  next.close()
  file.write(other.parts, 64 + other.bytes)
  t.same(
    framesIn(contentOf(bench.disk, bench.open().partition(ORDERS, 0))).map(({ maxTimestamp }) => maxTimestamp),
    [1000, 2000, 1000],
  )
})

t.test('a log that has lost what was marked is damaged', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(ORDERS, 0)
  fill(store, log, 3)
  store.close()
  const path = `${log.folder}/00000000000000000000.log`
  const file = bench.disk.open(path, 'write')
  file.truncate(file.size() - 8)
  file.close()
  t.throws(() => bench.open(), { name: 'CorruptLogError', file: path })
})

t.test('a damaged journal is refused before any log is touched, and a torn one is told', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  const log = store.partition(ORDERS, 0)
  fill(store, log, 3)
  bench.crash()
  const path = `${ROOT}/host-0.journal-a`
  const file = bench.disk.open(path, 'write')
  const first = Buffer.alloc(1)
  const at = 88 + 88 + 80
  file.read(first, at)
  file.write([Buffer.from([(first[0] as number) ^ 1])], at)
  bench.changes()
  t.throws(() => bench.open(), { name: 'CorruptLogError', file: path, position: 88 })
  t.strictSame(bench.changes(), [])
  file.write([first], at)
  // The last byte of the last block, behind which nothing was written later.
  const last = Buffer.alloc(1)
  const end = 88 + 3 * (88 + entryOf(log).bytes) - 1
  file.read(last, end)
  file.write([Buffer.from([(last[0] as number) ^ 1])], end)
  const next = bench.open()
  t.match(next.cuts, [{ file: path, position: 88 + 2 * (88 + entryOf(log).bytes), why: /CRC/ }])
  t.equal(next.partition(ORDERS, 0).endOffset, 3, 'its segment has it')
})

t.test('closed and opened again it has nothing to bring back, and hardly reads the logs', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 64 * 1024 })
  const log = store.partition(ORDERS, 0)
  fill(store, log, 100, 300)
  store.close()
  t.throws(() => store.append([]), { message: /closed/ })
  store.close()
  bench.bytesRead(/./)
  const next = bench.open({ journalBytes: 64 * 1024 })
  t.equal(next.partition(ORDERS, 0).endOffset, 100)
  t.ok(bench.bytesRead(/\.log$/) < 5000)
})

t.test('retention removes whole segments, at most once a second', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 64 * 1024 })
  const log = store.partition(BRIEF, 0)
  fill(store, log, 40, 300)
  store.tend(10_000)
  const start = log.startOffset
  t.ok(start > 20)
  fill(store, log, 40, 300)
  store.tend(10_999)
  t.equal(log.startOffset, start)
  store.tend(11_000)
  t.ok(log.startOffset > start)
  bench.losePower()
  const again = bench.open().partition(BRIEF, 0)
  t.equal(again.endOffset, 80)
  t.equal(again.startOffset, log.startOffset)
})

t.test('a start that was told does not go back, though its writer died before the removal was durable', async t => {
  const bench = new StoreBench()
  const store = bench.open()
  fill(store, store.partition(BRIEF, 0), 40, 300)
  store.close()
  const next = bench.open()
  bench.disk.fail({ operation: 'syncDirectory', path: /topics/ })
  t.throws(() => next.tend(10_000), { name: 'DiskError', operation: 'syncDirectory' })
  bench.crash()
  const { startOffset } = bench.open().partition(BRIEF, 0)
  t.ok(startOffset > 0)
  bench.losePower()
  t.equal(bench.open().partition(BRIEF, 0).startOffset, startOffset)
})

t.test('retention by age removes what is older', async t => {
  const bench = new StoreBench()
  const aged: StoredTopic = { ...CLICKS, topic: 8, retention: { bytesMax: null, ageMaxMs: 500 } }
  const store = bench.open()
  const log = store.partition(aged, 0)
  for (let time = 0; time < 40; time++) store.append([entryOf(log, 900, log.endOffset, 1000 + time * 100)])
  store.tend(5000)
  t.ok(log.startOffset > 30)
  t.ok(log.endOffset === 40)
})

t.test('a failed operation poisons the store until it is opened anew', async t => {
  for (const operation of ['write', 'sync'] as const) {
    const bench = new StoreBench()
    const store = bench.open()
    const log = store.partition(ORDERS, 0)
    fill(store, log, 2)
    bench.disk.fail({ operation, path: /journal/ })
    t.throws(() => fill(store, log, 1), DiskError)
    const poisoned = { name: 'DiskError', operation }
    t.throws(() => fill(store, log, 1), poisoned)
    t.throws(() => store.tend(0), poisoned)
    t.throws(() => store.truncateTo(log, 0), poisoned)
    t.throws(() => store.partition(LATE, 0), poisoned)
    store.close()
    bench.losePower()
    const end = bench.open().partition(ORDERS, 0).endOffset
    t.ok(end === 2 || end === 3)
  }
})

t.test('a sync that fails in the background poisons the store, and marks nothing', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 4096 })
  const log = store.partition(ORDERS, 0)
  bench.disk.fail({ operation: 'syncLater', path: /\.log$/ })
  while (!store.tend(0)) fill(store, log, 1)
  bench.sim.runLater()
  t.throws(() => store.tend(0), { name: 'DiskError', operation: 'syncLater' })
  t.throws(() => fill(store, log, 1), { name: 'DiskError', operation: 'syncLater' })
  t.equal(log.syncedTo, 0)
})

t.test('each point where a test may end the process is passed', async t => {
  const bench = new StoreBench()
  const passed = new Set<FaultPoint>()
  const fault = (point: FaultPoint): unknown => passed.add(point)
  const store = bench.open({ journalBytes: 4096, fault })
  const log = store.partition(BRIEF, 0)
  for (let time = 0; !passed.has('compaction'); time++) {
    if (time > 20_000) throw new Error('the marks are never written anew')
    fill(store, log, 1, 900)
    store.tend(time)
    bench.sim.runLater()
  }
  store.truncateTo(log, log.endOffset - 1)
  t.strictSame([...passed].sort(), [
    'checkpointSynced',
    'compaction',
    'journalReuse',
    'journalWritten',
    'marksWritten',
    'recovery',
    'roll',
    'segmentWritten',
    'segmentsUnneeded',
    'truncation',
  ])
  t.equal(framesIn(contentOf(bench.disk, log)).at(-1)?.endOffset, log.endOffset)
})
