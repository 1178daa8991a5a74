import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { DiskError } from './disk.ts'
import { seeded } from './journal.fixture.ts'
import { CorruptLogError, ForeignFileError, NewerFormatError } from './log-errors.ts'
import { MemoryDisk, PowerLoss } from './memory-disk.fixture.ts'
import { STATE_HEADER_BYTES, STATE_RECORD_BYTES_MAX } from './state-format.ts'
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

t.test('a write is one write and one sync, or no sync', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  disk.trace.length = 0
  log.write([['a', 1]])
  t.same(disk.trace, ['write groups.state', 'sync groups.state'])
  const other = new MemoryDisk()
  const lazy = open(other, false)
  other.trace.length = 0
  lazy.write([['a', 1]])
  t.same(other.trace, ['write groups.state'])
  lazy.sync()
  t.same(other.trace, ['write groups.state', 'sync groups.state'])
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
  bytes.writeUInt16LE(2, 4)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
  disk.put(PATH, bytes)
  const newer = thrownBy(() => open(disk))
  t.ok(newer instanceof NewerFormatError && newer.version === 2 && newer.file === PATH)
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

/** A log of a snapshot and three records, and the states after each number of bytes. */
function history(): {
  readonly bytes: Buffer
  readonly states: readonly { readonly at: number; readonly map: object }[]
} {
  const disk = new MemoryDisk()
  const log = open(disk)
  const states = [{ at: log.bytes, map: {} }]
  for (const changes of [
    [['a', 1] as const, ['b', 'text'] as const],
    [['a', undefined] as const, ['c', [1, 2]] as const],
    [['d', 'x'] as const],
  ]) {
    log.write(changes)
    states.push({ at: log.bytes, map: contents(log) })
  }
  return { bytes: disk.bytesOf(PATH), states }
}

/** Opens these bytes: the state, or the class of what it throws. */
function opened(bytes: Buffer): { readonly map: object; readonly torn: boolean } | CorruptLogError | ForeignFileError {
  const disk = new MemoryDisk()
  disk.put(PATH, bytes)
  try {
    const log = open(disk)
    const first = { map: contents(log), torn: log.torn !== null }
    log.write([['after', 1]])
    const again = open(disk)
    if (again.torn !== null || again.get('after') !== 1) throw new Error('what was written behind the cut is not there')
    return first
  } catch (error) {
    if (error instanceof CorruptLogError || error instanceof ForeignFileError) return error
    throw error
  }
}

t.test('each truncation leaves the state of a whole record before it, and says so', async t => {
  const { bytes, states } = history()
  for (let length = 0; length < bytes.length; length++) {
    const found = opened(bytes.subarray(0, length))
    const state = states.findLast(({ at }) => at <= length)
    if (state === undefined) {
      if (!(found instanceof CorruptLogError && found.position === length)) t.fail(`cut to ${length}`)
    } else t.same(found, { map: state.map, torn: state.at !== length }, `cut to ${length}`)
  }
})

t.test('each flipped bit is damage with its byte, or a torn last record', async t => {
  const { bytes, states } = history()
  const last = states.at(-2) as { at: number; map: object }
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    const byte = bit >> 3
    flipped[byte] = (flipped[byte] as number) ^ (1 << (bit & 7))
    const found = opened(flipped)
    if (byte < last.at) {
      const start = states.findLast(({ at }) => at <= byte)?.at ?? 0
      const isRight =
        byte < STATE_HEADER_BYTES ? !('map' in found) : found instanceof CorruptLogError && found.position === start
      if (!isRight) t.fail(`bit ${bit} gave ${JSON.stringify(found)}`)
    } else if (!('map' in found) || !found.torn || JSON.stringify(found.map) !== JSON.stringify(last.map))
      t.fail(`bit ${bit} gave ${JSON.stringify(found)}`)
  }
  t.match(opened(bytes), { torn: false })
})

t.test('each flipped bit of a compacted file is damage, for it was synced before it had its name', async t => {
  const disk = new MemoryDisk()
  const log = open(disk)
  for (let bytes = 0; log.bytes >= bytes; ) {
    bytes = log.bytes
    log.write([['key', 'x'.repeat(9_000)]])
    log.write([['key', 'small']])
  }
  const made = disk.bytesOf(PATH).readUInt32LE(24)
  // Nothing was written since, or a later record would tell of the damage too.
  const bytes = disk.bytesOf(PATH).subarray(0, made)
  t.ok(made > STATE_HEADER_BYTES && made < 10_000 && 'map' in opened(bytes))
  for (let byte = 0; byte < made; byte++) {
    const flipped = Buffer.from(bytes)
    flipped[byte] = (flipped[byte] as number) ^ (1 << (byte & 7))
    const found = opened(flipped)
    const isRight = byte < STATE_HEADER_BYTES || ('position' in found && found.position === STATE_HEADER_BYTES)
    if ('map' in found || !isRight) t.fail(`byte ${byte} gave ${JSON.stringify(found)}`)
    if ('map' in opened(bytes.subarray(0, byte))) t.fail(`cut to ${byte}`)
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

t.test('a loss of power at any operation leaves the last synced state or a later one, never a mixture', async t => {
  let cuts = 0
  let later = 0
  for (let seed = 0; seed < 400; seed++) {
    const chance = seeded(seed)
    const syncs = chance() < 0.5
    let disk = new MemoryDisk()
    /** Each state written, as JSON; those below `durable` must not come back. */
    let states = ['{}']
    let durable = 0
    for (let life = 0; life < 3; life++) {
      disk.fuse = Math.floor(chance() * 80)
      try {
        const log = open(disk, syncs)
        for (let round = 0; ; round++) {
          const value = 'v'.repeat(Math.floor(chance() * (chance() < 0.5 ? 50 : 20_000)))
          const map = { ...contents(log), [`${Math.floor(chance() * 3)}`]: value, round }
          states.push(JSON.stringify(map))
          log.write(Object.entries(map))
          if (syncs) durable = states.length - 1
          else if (chance() < 0.1) {
            log.sync()
            durable = states.length - 1
          }
        }
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
        cuts++
      }
      disk = disk.losePower(chance)
      const found = JSON.stringify(contents(open(disk, syncs)))
      const at = states.lastIndexOf(found)
      if (at < durable) t.fail(`seed ${seed} life ${life}: state ${at}, but ${durable} was durable`)
      if (at > durable) later++
      states = [found]
      durable = 0
    }
  }
  t.ok(cuts > 1_000 && later > 100, `${cuts} cuts, ${later} found more than was promised`)
})
