import t from 'tap'
import { PagePool } from '../../base/page-pool.ts'
import { DiskError } from '../disk/disk.ts'
import { CorruptLogError, ForeignFileError } from '../disk/log-errors.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import type { SettledChange } from '../format/settled-change.ts'
import { decodeSettled } from '../format/settled-format.ts'
import { stateHeader, stateRecord } from '../format/state-format.ts'
import type { FaultPoint } from './fault-point.ts'
import { seeded } from './journal.fixture.ts'
import { bodiesOf, snapshotOf, wholeOf } from './settled-changes.ts'
import { SettledLog, type SettledLogOptions, settledPath } from './settled-log.ts'
import { cutTo, drawPass, emptyQueue, type QueueModel, textOf } from './settled-queues.fixture.ts'
import { SettledState } from './settled-state.ts'
import { StateLog } from './state-log.ts'

const PATH: string = settledPath('/data', 2)
const LOG_ID = Buffer.from('0123456789abcdef')

function open(disk: MemoryDisk, options: SettledLogOptions = {}): SettledLog {
  return SettledLog.open(disk, PATH, LOG_ID, options)
}

/** Of all queues that something is known of. */
function contents(log: SettledLog): string[] {
  return [...log.states()]
    .filter(state => !state.isEmpty)
    .map(state => `${state.topic}-${state.partition} ${textOf(state)}`)
    .sort()
}

function thrownBy(act: () => void): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return null
}

const settle = (topic: number, ...settled: [number, number][]): SettledChange => ({ topic, partition: 0, settled })

t.test('folding the changes of a queue, split anywhere or made a snapshot of, comes to what a model knows', async t => {
  const wrongs: string[] = []
  for (let seed = 0; seed < 15; seed++) {
    const chance = seeded(seed)
    const pool = new PagePool()
    const state = new SettledState(pool, 7, 0)
    const splitted = new SettledState(pool, 7, 0)
    const model = emptyQueue(7)
    for (let pass = 0; pass < 40; pass++) {
      const change = drawPass(model, chance)
      state.apply(change)
      for (const body of bodiesOf([change], 200 + seed))
        for (const part of decodeSettled(body) as SettledChange[]) splitted.apply(part)
      if (textOf(state) !== textOf(model)) wrongs.push(`${seed}.${pass}: folded`)
      if (pass % 10 > 0) continue
      if (textOf(splitted) !== textOf(model)) wrongs.push(`${seed}.${pass}: split`)
      const again = new SettledState(pool, 7, 0)
      for (const body of snapshotOf([state]))
        for (const part of decodeSettled(body) as SettledChange[]) again.apply(part)
      if (textOf(again) !== textOf(model)) wrongs.push(`${seed}.${pass}: snapshot`)
      const end = Math.floor(chance() * (model.end + 1))
      for (const part of wholeOf(state, end)) again.apply(part)
      if (textOf(again) !== textOf(cutTo(model, end))) wrongs.push(`${seed}.${pass}: cut to ${end}`)
      if (again.end > end) wrongs.push(`${seed}.${pass}: names ${again.end} beyond ${end}`)
      again.clear()
      if (!again.isEmpty) wrongs.push(`${seed}.${pass}: not empty`)
    }
    state.clear()
    splitted.clear()
    if (pool.used !== 0) wrongs.push(`${seed}: ${pool.used} pages are lost`)
  }
  t.same(wrongs.slice(0, 3), [])
})

t.test('a queue whose log was cut keeps what is settled below its end, and goes on from there', async t => {
  const disk = new MemoryDisk()
  const first = open(disk)
  first.write([settle(2, [32, 35])])
  first.close()
  const log = open(disk)
  const state = log.opened(2, 0, 0, 33)
  t.strictSame(state.settled.ranges(), [[32, 33]])
  log.write([settle(2, [40, 41])])
  t.strictSame(state.settled.ranges(), [
    [32, 33],
    [40, 41],
  ])
  log.forget(2, [0])
  t.strictSame(contents(log), [])
  t.strictSame([...log.takeTouched()], [])
})

t.test('what queues settled comes back when the file is opened again, through its being written anew', async t => {
  for (let seed = 0; seed < 5; seed++) {
    const chance = seeded(seed)
    const disk = new MemoryDisk()
    let log = open(disk, { compactBytes: 2_000 })
    const queues: QueueModel[] = [emptyQueue(1), emptyQueue(1, 3), emptyQueue(400)]
    for (let pass = 0; pass < 120; pass++) {
      log.write(queues.filter(() => chance() < 0.6).map(queue => drawPass(queue, chance)))
      if (chance() < 0.3) log.tend()
      if (chance() < 0.05) {
        log.forget(400, [0, 1])
        queues[2] = emptyQueue(400)
      }
      if (chance() < 0.1) {
        log.close()
        log = open(disk, { compactBytes: 2_000 })
      }
      if (pass % 20 > 0) continue
      const known = queues.map(queue => textOf(log.opened(queue.topic, queue.partition, 0, queue.end)))
      t.same(known, queues.map(textOf), `seed ${seed} pass ${pass}`)
    }
    t.equal(log.torn, null)
    log.close()
    t.equal(disk.opened, 0)
  }
})

t.test('a pass is one record and no sync, and one that changed nothing writes nothing', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  disk.trace.length = 0
  log.write([settle(1, [0, 5]), settle(2, [3, 4])])
  // The record, and how long the file is.
  t.same(disk.trace, ['write host-2.settled', 'write host-2.settled'])
  t.equal(log.isSynced, false)
  log.write([])
  log.tend()
  t.equal(disk.trace.length, 2)
  log.sync()
  log.sync()
  t.same(disk.trace.slice(2), ['sync host-2.settled', 'write host-2.settled'])
  t.equal(log.isSynced, true)
})

t.test(
  'a file of another log, of states or of something else is refused, and so is a change that cannot be',
  async t => {
    const disk = new MemoryDisk()
    open(disk).write([settle(1, [0, 5])])
    t.throws(() => SettledLog.open(disk, PATH, Buffer.alloc(16)), ForeignFileError)
    t.throws(() => StateLog.open(disk, PATH, { logId: LOG_ID, syncs: true }), ForeignFileError)
    const other = new MemoryDisk()
    StateLog.open(other, PATH, { logId: LOG_ID, syncs: true }).write([['a', 1]])
    t.throws(() => open(other), ForeignFileError)
    const header = stateHeader(LOG_ID, 96, 'settled')
    disk.put(PATH, Buffer.concat([header, stateRecord(Buffer.from('01008040', 'hex'), 1, 1, header.length)]))
    const error = thrownBy(() => open(disk))
    t.ok(error instanceof CorruptLogError && error.position === header.length && /unknown parts/.test(error.why))
  },
)

t.test('ids of messages that are not there are durably forgotten', async t => {
  const disk = new MemoryDisk()
  const words = Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  const hashes = new Uint8Array(words.buffer)
  const ids = { first: 0, from: 0, hashes, offsets: [0, 2, 4], timesMs: [5, 5, 6], duplicates: 1, forgotten: 2 }
  const log = open(disk)
  log.write([{ topic: 1, partition: 0, ids }])
  const known = (state: SettledState): number[] => [0, 4, 8].map(at => state.ids?.find(words, at, 6) ?? Number.NaN)
  t.strictSame(known(log.opened(1, 0, 0, 5)), [0, 2, 4])
  t.strictSame(known(log.opened(1, 0, 0, 4)), [0, 2, -1])
  const next = open(disk.losePower(() => 0))
  t.strictSame(known(next.opened(1, 0, 0, 5)), [0, 2, -1], 'after a loss of power, too')
})

t.test('a producer whose last message is not there had sent the one before', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  const numbers = [
    { producer: 7, last: 41, end: 9 },
    { producer: 8, last: 0, end: 10 },
    { producer: 9, last: 3, end: 4 },
  ]
  log.write([{ topic: 1, partition: 0, numbers }])
  t.strictSame([...log.opened(1, 0, 0, 10).numbers.values()], numbers)
  const cut = [{ producer: 7, last: 40, end: 6 }, { producer: 8, last: 0xffff_ffff, end: 6 }, numbers[2]]
  t.strictSame([...log.opened(1, 0, 0, 6).numbers.values()], cut)
  const next = open(disk.losePower(() => 0))
  t.strictSame([...next.opened(1, 0, 0, 10).numbers.values()], cut, 'after a loss of power, too')
})

t.test('what is said beyond the end of a log is durably forgotten when it is opened', async t => {
  const disk = new MemoryDisk()
  const before = open(disk)
  before.write([
    {
      ...settle(1, [0, 10], [12, 20], [30, 31]),
      out: [[11, 12]],
      known: { end: 31, bytes: 99 },
      letters: { topic: 9, end: 40 },
      totals: { deadLettered: 2, dropped: 0, purged: 0, cancelled: 0, failures: 2 },
    },
    settle(2, [0, 3]),
  ])
  const faults: FaultPoint[] = []
  const log = open(disk, { fault: point => faults.push(point) })
  disk.trace.length = 0
  t.equal(log.opened(2, 0, 0, 3).floor, 3)
  t.same(disk.trace, [], 'nothing is beyond')
  const state = log.opened(1, 0, 4, 15)
  t.same([state.floor, state.settled.ranges(), state.out.ranges()], [10, [[12, 15]], [[11, 12]]])
  t.equal(state.known, null)
  t.same(state.letters, { topic: 9, end: 40 }, 'they are in another log')
  t.equal(state.totals.deadLettered, 2)
  t.same(disk.trace.slice(-2), ['sync host-2.settled', 'write host-2.settled'])
  t.same(faults, ['settledWritten', 'settledCut'])
  const again = open(disk.losePower(() => 0.9))
  t.equal(textOf(again.opened(1, 0, 0, 100)), textOf(state), 'after a loss of power, and behind a longer log')
  t.equal(again.opened(2, 0, 0, 3).floor, 3)
  const totals = { deadLettered: 5, dropped: 4, purged: 3, cancelled: 2, failures: 40 }
  again.write([{ topic: 1, partition: 0, totals, settled: [[100, 101]] }])
  const within = again.opened(1, 0, 0, 10).totals
  t.same(within, { deadLettered: 5, dropped: 4, purged: 1, cancelled: 0, failures: 40 }, 'ten are settled')
})

t.test('a log that begins behind a message that is not settled is damage', async t => {
  const log = open(new MemoryDisk())
  log.write([settle(1, [0, 5])])
  t.equal(log.opened(1, 0, 5, 9).floor, 5)
  const error = thrownBy(() => log.opened(1, 0, 6, 9))
  t.ok(error instanceof CorruptLogError && error.file === PATH)
  t.match(String(error), /messages of queue 1 from offset 5 on are not settled, and its log begins at 6/)
})

t.test('a queue that is gone is forgotten, and another host’s takes the place of what is known', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  log.write([settle(1, [0, 5]), settle(2, [0, 6])])
  const { bytes } = log
  log.forget(3, [0, 1])
  t.equal(log.bytes, bytes, 'of one that is not known nothing is written')
  log.forget(1, [0])
  const other = open(new MemoryDisk())
  const model = emptyQueue(2)
  const chance = seeded(5)
  for (let pass = 0; pass < 30; pass++) other.write([drawPass(model, chance)])
  for (const state of other.states()) log.adopt(state)
  t.same(contents(log), [`2-0 ${textOf(model)}`])
  t.same(contents(open(disk)), contents(log))
})

t.test('the file stays within four times what it has to say, or its least size', async t => {
  const disk = new MemoryDisk()
  const log = open(disk, { compactBytes: 10_000 })
  for (let pass = 0; pass < 3_000; pass++) {
    log.write([settle(1, [pass, pass + 1])])
    log.tend()
    if (log.bytes > 10_100) t.fail(`${log.bytes} bytes`)
  }
  t.ok(disk.trace.includes('rename host-2.settled'))
  // Every second one is settled: two bytes each.
  const many = Array.from({ length: 20_000 }, (_, at): [number, number] => [4_000 + 2 * at, 4_001 + 2 * at])
  log.write([settle(1, ...many)])
  log.tend()
  const whole = log.bytes
  t.ok(whole > 40_000 && whole < 50_000, `${whole}`)
  for (let pass = 0; pass < 3_000; pass++) {
    log.write([settle(2, [pass, pass + 1])])
    log.tend()
    if (log.bytes > 4 * whole) t.fail(`${log.bytes} bytes`)
  }
  t.same(contents(open(disk)), contents(log))
})

t.test(
  'a change that is too large for one record is written in several, one that replaces another in none or all',
  async t => {
    const disk = new MemoryDisk()
    const log = open(disk)
    const settled = Array.from({ length: 300_000 }, (_, at): [number, number] => [2 * at, 2 * at + 1])
    log.write([{ topic: 1, partition: 0, settled }])
    const next = open(disk)
    disk.trace.length = 0
    const state = next.opened(1, 0, 0, 550_000)
    t.equal(state.end, 549_999)
    t.same([...state.settled.pieces()].flat().length, 274_999, 'each is a range, the first is below the floor')
    t.ok(disk.trace.includes('rename host-2.settled'))
    t.equal(textOf(open(disk).opened(1, 0, 0, 550_000)), textOf(state))
  },
)

t.test('after a failed write or sync nothing is taken over, and each later one throws the same error', async t => {
  for (const operation of ['write', 'sync']) {
    const disk = new MemoryDisk()
    const log = open(disk)
    log.write([settle(1, [0, 5])])
    const before = contents(log)
    disk.failNext(operation, /settled/, 'ENOSPC')
    const act = operation === 'write' ? () => log.write([settle(1, [5, 6])]) : () => log.sync()
    const first = thrownBy(act)
    t.ok(first instanceof DiskError)
    t.equal(
      thrownBy(() => log.write([settle(1, [7, 8])])),
      first,
    )
    t.equal(
      thrownBy(() => log.sync()),
      first,
    )
    t.same(contents(log), before)
  }
})
