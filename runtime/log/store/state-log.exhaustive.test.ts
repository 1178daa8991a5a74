/**
 * Every byte at which a state log may end, every bit of it that may change, and losses of power at any of its operations:
 * what is left is a state that was written, or damage that is told with its byte.
 */
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { CorruptLogError, ForeignFileError } from '../disk/log-errors.ts'
import { MemoryDisk, PowerLoss } from '../disk/memory-disk.fixture.ts'
import { STATE_HEADER_BYTES, stateHeader } from '../format/state-format.ts'
import { seeded } from './journal.fixture.ts'
import { StateLog } from './state-log.ts'

const PATH = '/data/groups.state'
const LOG_ID = Buffer.from('0123456789abcdef')
/** Of the two of them, in the header. */
const EXTENTS_AT = 32
const FREE_EXTENT_AT = 64
const SEEDS = 400
const LIVES = 3

function open(disk: MemoryDisk, syncs = true): StateLog {
  return StateLog.open(disk, PATH, { logId: LOG_ID, syncs })
}

function contents(log: StateLog): Record<string, unknown> {
  return Object.fromEntries(log.entries())
}

interface WrittenLog {
  readonly bytes: Buffer
  /** After each number of bytes. */
  readonly states: readonly { readonly at: number; readonly map: object }[]
}

/** A log of three records, each synced, or none. */
function history(syncs: boolean): WrittenLog {
  const disk = new MemoryDisk()
  const log = open(disk, syncs)
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

t.test('each truncation of what was synced is damage with its byte', async t => {
  const { bytes } = history(true)
  let tried = 0
  const wrongs: string[] = []
  for (const length of drawn(bytes.length, 1)) {
    tried++
    const found = opened(bytes.subarray(0, length))
    if (!(found instanceof CorruptLogError && found.position === length)) wrongs.push(`cut to ${length}`)
  }
  t.same(wrongs.slice(0, 3), [])
  t.equal(tried, Math.ceil(bytes.length / portion.of))
})

t.test('each truncation of what was not synced leaves the state of a whole record before it, and says so', async t => {
  const { bytes, states } = history(false)
  let tried = 0
  const wrongs: string[] = []
  for (const length of drawn(bytes.length, 5)) {
    tried++
    const found = opened(bytes.subarray(0, length))
    const state = states.findLast(({ at }) => at <= length)
    if (state === undefined) {
      if (!(found instanceof CorruptLogError && found.position === length)) wrongs.push(`cut to ${length}`)
    } else t.same(found, { map: state.map, torn: true }, `cut to ${length}`)
  }
  t.same(wrongs.slice(0, 3), [])
  t.equal(tried, Math.ceil(bytes.length / portion.of))
})

for (const syncs of [true, false])
  t.test(`each flipped bit of records that are ${syncs ? '' : 'not '}synced is found`, async t => {
    const { bytes, states } = history(syncs)
    const last = states.at(-1) as { at: number; map: object }
    let tried = 0
    const wrongs: string[] = []
    for (const bit of drawn(bytes.length * 8, syncs ? 2 : 6)) {
      tried++
      const flipped = Buffer.from(bytes)
      const byte = bit >> 3
      flipped[byte] = (flipped[byte] as number) ^ (1 << (bit & 7))
      const found = opened(flipped)
      const before = states.findLast(({ at }) => at <= byte) ?? { at: 0, map: {} }
      const isRight =
        byte < EXTENTS_AT
          ? !('map' in found)
          : byte < STATE_HEADER_BYTES
            ? // The other extent still says enough.
              'map' in found && !found.torn && JSON.stringify(found.map) === JSON.stringify(last.map)
            : syncs
              ? found instanceof CorruptLogError && found.position === before.at
              : 'map' in found && found.torn && JSON.stringify(found.map) === JSON.stringify(before.map)
      if (!isRight) wrongs.push(`bit ${bit} gave ${JSON.stringify(found)}`)
    }
    t.same(wrongs.slice(0, 3), [])
    t.equal(tried, Math.ceil((bytes.length * 8) / portion.of))
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
  // As it was made: later records and extents would tell of the damage too.
  const bytes = Buffer.concat([stateHeader(LOG_ID, made), disk.bytesOf(PATH).subarray(STATE_HEADER_BYTES, made)])
  t.ok(made > STATE_HEADER_BYTES && made < 10_000 && 'map' in opened(bytes))
  let tried = 0
  const wrongs: string[] = []
  for (const byte of drawn(made, 3)) {
    tried++
    const flipped = Buffer.from(bytes)
    flipped[byte] = (flipped[byte] as number) ^ (1 << (byte & 7))
    const found = opened(flipped)
    // The second extent was never written.
    const isFree = byte >= FREE_EXTENT_AT && byte < STATE_HEADER_BYTES
    const isRight = byte < STATE_HEADER_BYTES || ('position' in found && found.position === STATE_HEADER_BYTES)
    if ('map' in found !== isFree || !(isFree || isRight)) wrongs.push(`byte ${byte} gave ${JSON.stringify(found)}`)
    if ('map' in opened(bytes.subarray(0, byte))) wrongs.push(`cut to ${byte}`)
  }
  t.same(wrongs.slice(0, 3), [])
  t.equal(tried, Math.ceil(made / portion.of))
})

t.test('a loss of power at any operation leaves the last synced state or a later one, never a mixture', async t => {
  let seeds = 0
  let cuts = 0
  let later = 0
  for (const seed of drawn(SEEDS, 4)) {
    seeds++
    const chance = seeded(seed)
    const syncs = chance() < 0.5
    let disk = new MemoryDisk()
    /** Each state written; those below `durable` must not come back. */
    let states: object[] = [{}]
    let durable = 0
    for (let life = 0; life < LIVES; life++) {
      disk.fuse = Math.floor(chance() * 80)
      try {
        const log = open(disk, syncs)
        for (let round = 0; ; round++) {
          const value = 'v'.repeat(Math.floor(chance() * (chance() < 0.5 ? 50 : 20_000)))
          const map = { ...contents(log), [`${Math.floor(chance() * 3)}`]: value, round }
          states.push(map)
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
      const left = contents(open(disk, syncs))
      const found = JSON.stringify(left)
      const at = states.findLastIndex(state => JSON.stringify(state) === found)
      if (at < durable) t.fail(`seed ${seed} life ${life}: state ${at}, but ${durable} was durable`)
      if (at > durable) later++
      states = [left]
      durable = 0
    }
  }
  t.equal(seeds, Math.ceil(SEEDS / portion.of))
  t.equal(cuts, seeds * LIVES)
  // What so few came to in a portion is chance.
  if (portion.of === 1) t.ok(cuts > 1_000 && later > 100, `${cuts} cuts, ${later} found more than was promised`)
})
