import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { DiskError } from '../disk/disk.ts'
import { ForeignFileError, NewerFormatError } from '../disk/log-errors.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import {
  STATE_HEADER_BYTES,
  STATE_RECORD_BYTES_MAX,
  STATE_RECORD_HEADER_BYTES,
  STATE_VERSION,
  stateRecord,
} from '../format/state-format.ts'
import { StateLog } from './state-log.ts'

const PATH = '/data/groups.state'
const LOG_ID = Buffer.from('0123456789abcdef')

function open(disk: MemoryDisk, syncs = true): StateLog {
  return StateLog.open(disk, PATH, { logId: LOG_ID, syncs })
}

function contents(log: StateLog): Record<string, unknown> {
  return Object.fromEntries(log.entries())
}

/** What a write throws, by identity. */
function thrownBy(act: () => void): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return null
}

t.test('entries come back when the file is opened again', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  log.write([
    ['a', { deep: [1, 'ü', null] }],
    ['b', false],
    ['__proto__', 1],
  ])
  log.write([])
  log.write([
    ['b', undefined],
    ['\ud800', 'lone'],
  ])
  log.close()
  const again = open(disk)
  t.equal(again.torn, null)
  t.same(
    [...again.entries()],
    [
      ['a', { deep: [1, 'ü', null] }],
      ['__proto__', 1],
      ['\ud800', 'lone'],
    ],
  )
  t.equal(again.size, 3)
  t.same(again.get('a'), { deep: [1, 'ü', null] })
  t.equal(again.has('b'), false)
  t.equal(again.get('b'), undefined)
  again.close()
  t.equal(disk.opened, 0)
})

t.test('memory holds what JSON gives back, and not the caller’s object', async t => {
  const log = open(new MemoryDisk())
  const value = { kept: 1, dropped: undefined, date: new Date(0) }
  log.write([['a', value]])
  value.kept = 2
  t.same(log.get('a'), { kept: 1, date: '1970-01-01T00:00:00.000Z' })
})

t.test('a write is one write and one sync, or no sync, and says then how long the file is', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  disk.trace.length = 0
  log.write([['a', 1]])
  t.same(disk.trace, ['write groups.state', 'sync groups.state', 'write groups.state'])
  const other = new MemoryDisk()
  const lazy = open(other, false)
  other.trace.length = 0
  lazy.write([['a', 1]])
  t.same(other.trace, ['write groups.state', 'write groups.state'])
  lazy.sync()
  t.same(other.trace.slice(2), ['sync groups.state', 'write groups.state'])
})

t.test('what cannot be written is refused, and changes nothing', async t => {
  const log = open(new MemoryDisk())
  const bytes = log.bytes
  t.throws(
    () =>
      log.write([
        ['a', 1],
        ['b', () => 1],
      ]),
    TypeError,
  )
  t.throws(() => log.write([['a', 'x'.repeat(STATE_RECORD_BYTES_MAX)]]), RangeError)
  t.same([log.size, log.bytes], [0, bytes])
  log.write([['a', 1]])
  t.same(contents(log), { a: 1 })
})

t.test('a file of another log, of something else or of a later version is refused', async t => {
  const disk = new MemoryDisk()
  open(disk).write([['a', 1]])
  t.throws(() => StateLog.open(disk, PATH, { logId: Buffer.alloc(16), syncs: true }), ForeignFileError)
  const bytes = disk.bytesOf(PATH)
  bytes.writeUInt16LE(STATE_VERSION + 1, 4)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
  disk.put(PATH, bytes)
  const newer = thrownBy(() => open(disk))
  t.ok(newer instanceof NewerFormatError && newer.version === STATE_VERSION + 1 && newer.file === PATH)
  disk.put(PATH, Buffer.alloc(100, 'x'))
  t.throws(() => open(disk), ForeignFileError)
  t.equal(disk.bytesOf(PATH).length, 100)
})

t.test('after a failed write or sync the map is as it was and each write throws the same error', async t => {
  for (const operation of ['write', 'sync']) {
    const disk = new MemoryDisk()
    const log = open(disk)
    log.write([['a', 1]])
    disk.failNext(operation, /state/, 'ENOSPC')
    const first = thrownBy(() => log.write([['a', 2]]))
    t.ok(first instanceof DiskError)
    t.equal(
      thrownBy(() => log.write([['b', 1]])),
      first,
    )
    t.equal(
      thrownBy(() => log.sync()),
      first,
    )
    t.same(contents(log), { a: 1 })
  }
})

t.test('the file stays within four times what its entries need', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  for (let round = 0; round < 3_000; round++) log.write([[`key ${round % 10}`, 'x'.repeat(100)]])
  t.ok(log.bytes <= 64 * 1_024 + 1_000, `${log.bytes}`)
  t.equal(disk.bytesOf(PATH).length, log.bytes)
  t.ok(disk.trace.includes('rename groups.state'))
  const large = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}`, 'y'.repeat(5_000)]))
  log.write(Object.entries(large))
  for (let round = 0; round < 300; round++) log.write([['0', 'y'.repeat(5_000)]])
  t.ok(log.bytes <= 4 * 250_000, `${log.bytes}`)
  const again = open(disk)
  t.same(contents(again), contents(log))
  t.equal(disk.list('/data').length, 1)
})

t.test('a name that its maker did not live to make durable is durable before anything is written', async t => {
  const made = new MemoryDisk()
  open(made).write([['a', 1]])
  const disk = new MemoryDisk()
  // Whole, but as if the folder had never been synced.
  disk.put(PATH, made.bytesOf(PATH))
  open(disk).write([['a', 2]])
  t.equal(open(disk.losePower(() => 0.9)).get('a'), 2)
})

t.test('a file that was left under the other name is removed', async t => {
  const disk = new MemoryDisk()
  open(disk).write([['a', 1]])
  disk.put(`${PATH}.new`, Buffer.from('half'))
  t.same(contents(open(disk)), { a: 1 })
  t.same(disk.list('/data'), ['groups.state'])
})

const key = fc.constantFrom('a', 'b', 'c', '', '__proto__', 'ü')
const value = fc.oneof(fc.constant(undefined), fc.jsonValue(), fc.constant('z'.repeat(8_000)))
const action = fc.oneof(
  { weight: 8, arbitrary: fc.array(fc.tuple(key, value), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constant('reopen' as const) },
)

t.test('behaves as a map does, through compaction and opening again', async t => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.boolean(), (actions, syncs) => {
      const disk = new MemoryDisk()
      const map = new Map<string, unknown>()
      let log = open(disk, syncs)
      for (const each of actions) {
        if (each === 'reopen') {
          log.close()
          log = open(disk, syncs)
        } else {
          log.write(each)
          for (const [name, content] of each) {
            if (content === undefined) map.delete(name)
            else map.set(name, JSON.parse(JSON.stringify(content)))
          }
        }
        const sorted = (entries: Iterable<[string, unknown]>): string =>
          JSON.stringify([...entries].sort(([one], [other]) => (one < other ? -1 : 1)))
        if (sorted(log.entries()) !== sorted(map)) return false
      }
      return log.torn === null
    }),
    { numRuns: 200 },
  )
  t.pass('200 runs')
})

t.test('a file of version 1, which does not say how long it is, is read and made anew', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  log.write([['a', 1]])
  log.write([['b', 2]])
  disk.put(PATH, asVersion1(disk.bytesOf(PATH)))
  const next = open(disk)
  t.same(contents(next), { a: 1, b: 2 })
  t.equal(next.torn, null)
  next.write([['c', 3]])
  t.equal(disk.bytesOf(PATH).readUInt16LE(4), STATE_VERSION)
  t.same(contents(open(disk)), { a: 1, b: 2, c: 3 })
})

t.test('whatever of it was not synced is torn by a loss of power, the file still says how long it was', async t => {
  const EXTENTS = [32, 64]
  for (let syncs = 0; syncs < 2 ** 8; syncs++) {
    const disk = new MemoryDisk()
    const log = open(disk, false)
    // Behind the sync by which it was opened, one extent was written.
    let durable = disk.bytesOf(PATH)
    const torn = (): Buffer => {
      const bytes = disk.bytesOf(PATH)
      for (const at of EXTENTS)
        if (!bytes.subarray(at, at + 32).equals(durable.subarray(at, at + 32))) bytes.fill(0xa5, at, at + 32)
      return bytes
    }
    durable = Buffer.from(durable)
    durable.fill(0, 64, 96)
    for (let step = 0; step < 8; step++) {
      if ((syncs >> step) & 1) {
        const written = disk.bytesOf(PATH)
        log.sync()
        durable = written
      } else log.write([['a', step]])
      const cut = new MemoryDisk()
      cut.put(PATH, torn())
      try {
        open(cut, false).close()
      } catch (error) {
        t.fail(`after ${step + 1} of ${syncs.toString(2).padStart(8, '0')}: ${error}`)
        return
      }
    }
  }
  t.pass('opens in all of them')
})

/** The same records behind a header without extents. */
function asVersion1(bytes: Buffer): Buffer {
  const header = bytes.subarray(0, 32)
  header.writeUInt16LE(1, 4)
  header.writeUInt32LE(32, 24)
  header.writeUInt32LE(crc32(header.subarray(0, 28)), 28)
  const records: Buffer[] = []
  let position = 32
  for (let at = STATE_HEADER_BYTES; at < bytes.length; ) {
    const body = bytes.readUInt32LE(at + 4)
    const text = bytes.subarray(at + STATE_RECORD_HEADER_BYTES, at + STATE_RECORD_HEADER_BYTES + body).toString()
    const record = stateRecord(text, bytes.readDoubleLE(at + 8), bytes.readDoubleLE(at + 16), position)
    records.push(record)
    position += record.length
    at += record.length
  }
  return Buffer.concat([header, ...records])
}
