/** Group commits whose frames belong together: what they write in which order, and what is found of half of one. */
import { crc32 } from 'node:zlib'
import t from 'tap'
import { ForeignFileError } from '../disk/log-errors.ts'
import type { FaultPoint } from './fault-point.ts'
import { CLICKS, contentOf, entryOf, ORDERS, ROOT, StoreBench } from './log-store.fixture.ts'
import type { LogStore } from './log-store.ts'
import { notePath } from './pass-note.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'

const VIEWS: StoredTopic = { ...CLICKS, topic: 6 }
const MIXED = [
  { topic: ORDERS, partition: 0 },
  { topic: ORDERS, partition: 1 },
  { topic: CLICKS, partition: 0 },
  { topic: VIEWS, partition: 0 },
]
const UNJOURNALLED = [CLICKS, VIEWS]
const NOTE = notePath(ROOT, 0)

function logsOf(store: LogStore, topics: readonly StoredTopic[]): StoredPartition[] {
  return topics.map(topic => store.partition(topic, 0))
}

/** One pass with a frame for each, all of which belong together. */
function together(store: LogStore, logs: readonly StoredPartition[], valueBytes = 100): void {
  const entries = logs.map(log => entryOf(log, valueBytes))
  store.append(entries, entries)
}

function endsOf(logs: readonly StoredPartition[]): number[] {
  return logs.map(({ endOffset }) => endOffset)
}

/** A process whose last pass ended where logs were to be written, behind one of them. */
function halfDone(bench: StoreBench): void {
  const store = bench.open({}, MIXED)
  together(store, logsOf(store, UNJOURNALLED))
  bench.disk.fail({ operation: 'write', path: /6-0/ })
  t.throws(() => together(store, logsOf(store, UNJOURNALLED)), { name: 'DiskError' })
  bench.crash()
}

t.test('logs in no journal cost one write more, and no sync', async t => {
  const bench = new StoreBench()
  const store = bench.open({}, MIXED)
  bench.changes()
  together(store, logsOf(store, UNJOURNALLED))
  t.strictSame(bench.changes(), ['write host-0.joint', 'write 0.log', 'write 0.log', 'write host-0.ends'])
  store.append(logsOf(store, UNJOURNALLED).map(log => entryOf(log)))
  t.strictSame(bench.changes(), ['write 0.log', 'write 0.log', 'write host-0.ends'], 'frames that do not')
  const [clicks] = logsOf(store, UNJOURNALLED)
  together(store, [clicks as StoredPartition])
  t.strictSame(bench.changes(), ['write 0.log', 'write host-0.ends'], 'a single log')
})

t.test('the journal has frames before their logs do, and after the frames of logs that are in none', async t => {
  const bench = new StoreBench()
  const store = bench.open({}, MIXED)
  const [a, b] = [store.partition(ORDERS, 0), store.partition(ORDERS, 1)]
  bench.changes()
  together(store, [a, b])
  const journalled = ['write host-0.journal-a', 'sync host-0.journal-a']
  t.strictSame(bench.changes(), [...journalled, 'write 0.log', 'write 0.log'])
  together(store, [a, store.partition(CLICKS, 0), b])
  const [note, ends] = ['write host-0.joint', 'write host-0.ends']
  t.strictSame(bench.changes(), [note, 'write 0.log', ...journalled, 'write 0.log', 'write 0.log', ends])
  const content = contentOf(bench.disk, b)
  bench.losePower()
  const next = bench.open({}, MIXED)
  t.same(contentOf(bench.disk, next.partition(ORDERS, 1)), content)
})

t.test('where the journal has no room the note is durable before the logs are written, and then these are', async t => {
  const bench = new StoreBench()
  const store = bench.open({ journalBytes: 4096 }, MIXED)
  const logs = [store.partition(ORDERS, 0), store.partition(ORDERS, 1)]
  bench.changes()
  together(store, logs, 1950)
  const [note, ...others] = bench.changes()
  t.equal(note, 'write host-0.joint')
  t.strictSame(others.slice(0, 5), [
    'sync host-0.joint',
    'syncDirectory data',
    'write 0.log',
    'write 0.log',
    'sync 0.log',
  ])
  bench.losePower()
  const next = bench.open({ journalBytes: 4096 }, MIXED)
  t.strictSame(endsOf([next.partition(ORDERS, 0), next.partition(ORDERS, 1)]), [1, 1])
})

t.test('half of a pass is cut when it is opened, and that is told', async t => {
  const bench = new StoreBench()
  halfDone(bench)
  const store = bench.open({}, MIXED)
  const logs = logsOf(store, UNJOURNALLED)
  t.strictSame(endsOf(logs), [1, 1])
  t.match(logs[0]?.cuts, [{ file: /2-0.*log$/, why: 'what was written with it is missing in another log' }])
  t.ok((logs[0]?.cuts[0]?.bytes ?? 0) > 100)
  together(store, logs)
  t.strictSame(endsOf(logs), [2, 2])
})

t.test('a note counts once: what comes after its pass is never judged by it', async t => {
  const bench = new StoreBench()
  const store = bench.open({}, MIXED)
  together(store, logsOf(store, UNJOURNALLED))
  // The thread dies; its successor cuts the log whose window had not committed the pass. Then the process ends.
  const heir = bench.open({}, MIXED)
  heir.truncateTo(heir.partition(VIEWS, 0), 0)
  bench.crash()
  t.strictSame(endsOf(logsOf(bench.open({}, MIXED), UNJOURNALLED)), [1, 0])
})

t.test('a log whose topic is gone is not missed', async t => {
  const bench = new StoreBench()
  const store = bench.open({}, MIXED)
  together(store, logsOf(store, UNJOURNALLED))
  bench.crash()
  const left = MIXED.filter(({ topic }) => topic !== VIEWS)
  t.equal(bench.open({}, left).partition(CLICKS, 0).endOffset, 1)
})

t.test('a note that is torn says nothing, and one of another log is refused', async t => {
  for (const bytes of [0, 20, 24, 60]) {
    const bench = new StoreBench()
    halfDone(bench)
    const file = bench.disk.open(NOTE, 'write')
    file.truncate(bytes)
    file.close()
    t.strictSame(endsOf(logsOf(bench.open({}, MIXED), UNJOURNALLED)), [2, 1], `${bytes} bytes`)
  }
  for (const byte of [0, 4, 9, 30, 70]) {
    const bench = new StoreBench()
    halfDone(bench)
    const file = bench.disk.open(NOTE, 'write')
    file.write([Buffer.of(0xee)], byte)
    file.close()
    t.strictSame(endsOf(logsOf(bench.open({}, MIXED), UNJOURNALLED)), [2, 1], `byte ${byte}`)
  }
  const bench = new StoreBench()
  const store = bench.open({}, MIXED)
  together(store, logsOf(store, UNJOURNALLED))
  const other = new StoreBench()
  other.open({}, MIXED)
  const file = bench.disk.open(NOTE, 'read')
  const bytes = Buffer.alloc(file.size())
  file.read(bytes, 0)
  bytes[8] = 0xee
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  other.disk.open(NOTE, 'create').write([bytes], 0)
  t.throws(() => other.open({}, MIXED), ForeignFileError)
})

t.test('a thread that dies at a point between leaves all of a pass, or nothing', async t => {
  const found: Record<string, number[]> = {}
  for (const at of ['jointNoted', 'jointJournalled', 'segmentWritten'] as const) {
    const bench = new StoreBench()
    let armed = false
    const fault = (point: FaultPoint): void => {
      if (armed && point === at) throw new Error('the thread dies')
    }
    const store = bench.open({ fault }, MIXED)
    const logs = MIXED.map(({ topic, partition }) => store.partition(topic, partition))
    together(store, logs)
    armed = true
    t.throws(() => together(store, logs), { message: 'the thread dies' })
    const heir = bench.open({}, MIXED)
    found[at] = endsOf(MIXED.map(({ topic, partition }) => heir.partition(topic, partition)))
  }
  t.strictSame(found, { jointNoted: [1, 1, 1, 1], jointJournalled: [2, 2, 2, 2], segmentWritten: [2, 2, 2, 2] })
})
