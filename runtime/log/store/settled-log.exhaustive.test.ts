/**
 * Every byte at which the file of what queues settled may end, every bit of it that may change, and losses of power at any
 * of its operations: what is left is what was known after a record, or damage that is told with its byte.
 */
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { CorruptLogError, ForeignFileError } from '../disk/log-errors.ts'
import { MemoryDisk, PowerLoss } from '../disk/memory-disk.fixture.ts'
import { STATE_HEADER_BYTES } from '../format/state-format.ts'
import { seeded } from './journal.fixture.ts'
import { SettledLog, settledPath } from './settled-log.ts'
import { copyOf, cutTo, drawPass, emptyQueue, type QueueModel, textOf } from './settled-queues.fixture.ts'

const PATH: string = settledPath('/data', 0)
const LOG_ID = Buffer.from('0123456789abcdef')
/** Of the two of them, in the header. */
const EXTENTS_AT = 32
const SEEDS = 400
const LIVES = 4

function open(disk: MemoryDisk, compactBytes?: number): SettledLog {
  return SettledLog.open(disk, PATH, LOG_ID, compactBytes === undefined ? {} : { compactBytes })
}

function contents(log: SettledLog): string {
  const known = [...log.states()].filter(state => !state.isEmpty)
  return known.map(state => `${state.topic} ${textOf(state)}`).join('\n')
}

interface WrittenLog {
  readonly bytes: Buffer
  /** After each number of bytes. */
  readonly states: readonly { readonly at: number; readonly text: string }[]
}

/** A log of four records, each synced, or none. */
function history(syncs: boolean): WrittenLog {
  const disk = new MemoryDisk()
  const log = open(disk)
  const states = [{ at: log.bytes, text: contents(log) }]
  const queues = [emptyQueue(1), emptyQueue(2)]
  const chance = seeded(11)
  for (let record = 0; record < 4; record++) {
    log.write(queues.map(queue => drawPass(queue, chance)))
    if (syncs) log.sync()
    states.push({ at: log.bytes, text: contents(log) })
  }
  return { bytes: disk.bytesOf(PATH), states }
}

/** Opens these bytes: what they say, or the error. */
function opened(bytes: Buffer): { readonly text: string; readonly torn: boolean } | CorruptLogError | ForeignFileError {
  const disk = new MemoryDisk()
  disk.put(PATH, bytes)
  try {
    const log = open(disk)
    const first = { text: contents(log), torn: log.torn !== null }
    log.write([{ topic: 9, partition: 0, settled: [[0, 1]] }])
    const again = open(disk)
    if (again.torn !== null || contents(again) !== contents(log))
      throw new Error('what was written behind is not there')
    return first
  } catch (error) {
    if (error instanceof CorruptLogError || error instanceof ForeignFileError) return error
    throw error
  }
}

for (const syncs of [true, false])
  t.test(`each truncation of what was ${syncs ? '' : 'not '}synced is ${syncs ? 'damage' : 'told'}`, async t => {
    const { bytes, states } = history(syncs)
    let tried = 0
    const wrongs: string[] = []
    for (const length of drawn(bytes.length, syncs ? 1 : 2)) {
      tried++
      const found = opened(bytes.subarray(0, length))
      const state = states.findLast(({ at }) => at <= length)
      const isRight =
        syncs || state === undefined
          ? found instanceof CorruptLogError && found.position === length
          : 'text' in found && found.torn && found.text === state.text
      if (!isRight) wrongs.push(`cut to ${length}`)
    }
    t.same(wrongs.slice(0, 3), [])
    t.equal(tried, Math.ceil(bytes.length / portion.of))
  })

for (const syncs of [true, false])
  t.test(`each flipped bit of what was ${syncs ? '' : 'not '}synced is found`, async t => {
    const { bytes, states } = history(syncs)
    const last = states.at(-1)?.text
    let tried = 0
    const wrongs: string[] = []
    for (const bit of drawn(bytes.length * 8, syncs ? 3 : 4)) {
      tried++
      const flipped = Buffer.from(bytes)
      const byte = bit >> 3
      flipped[byte] = (flipped[byte] as number) ^ (1 << (bit & 7))
      const found = opened(flipped)
      const before = states.findLast(({ at }) => at <= byte)
      const isRight =
        byte < EXTENTS_AT
          ? !('text' in found)
          : byte < STATE_HEADER_BYTES
            ? // The other extent still says enough.
              'text' in found && !found.torn && found.text === last
            : syncs
              ? found instanceof CorruptLogError && found.position === before?.at
              : 'text' in found && found.torn && found.text === before?.text
      if (!isRight) wrongs.push(`bit ${bit} gave ${JSON.stringify(found)}`)
    }
    t.same(wrongs.slice(0, 3), [])
    t.equal(tried, Math.ceil((bytes.length * 8) / portion.of))
  })

interface Moment {
  readonly text: string
  readonly queues: readonly QueueModel[]
}

function momentOf(queues: readonly QueueModel[]): Moment {
  const copies = queues.map(copyOf)
  return { text: copies.map(textOf).join('\n'), queues: copies }
}

t.test('a loss of power at any operation leaves what was synced last or later, and a cut is for good', async t => {
  let seeds = 0
  let cuts = 0
  let later = 0
  let shorter = 0
  for (const seed of drawn(SEEDS, 5)) {
    seeds++
    const chance = seeded(seed)
    let disk = new MemoryDisk()
    let queues: readonly QueueModel[] = [emptyQueue(1), emptyQueue(2)]
    /** What was known after each write; from `durable` on, one of them must be found. */
    let moments: Moment[] = [momentOf(queues)]
    let durable = 0
    for (let life = 0; life < LIVES; life++) {
      disk.fuse = Math.floor(chance() * 60)
      try {
        const log = open(disk, 3_000)
        for (const [at, queue] of queues.entries()) {
          // The power took the end of its log.
          const end = chance() < 0.5 ? queue.end : Math.floor(chance() * (queue.end + 1))
          const cut = queues.map((each, other) => (other === at ? cutTo(each, end) : each))
          moments.push(momentOf(cut))
          log.opened(queue.topic, queue.partition, 0, end)
          if (textOf(cut[at] as QueueModel) !== textOf(queue)) {
            durable = moments.length - 1
            shorter++
          }
          queues = cut
        }
        for (;;) {
          const pass = queues.map(copyOf)
          const changes = pass.map(queue => drawPass(queue, chance))
          moments.push(momentOf(pass))
          log.write(changes)
          queues = pass
          if (chance() < 0.2) {
            log.sync()
            durable = moments.length - 1
          }
          if (chance() < 0.3) log.tend()
        }
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
        cuts++
      }
      disk = disk.losePower(chance)
      const left = open(disk)
      const known = new Map([...left.states()].map(state => [state.topic, state]))
      const text = queues.map(({ topic }) => textOf(known.get(topic))).join('\n')
      const at = moments.findLastIndex(moment => moment.text === text)
      if (at < durable) t.fail(`seed ${seed} life ${life}: ${at}, but ${durable} was durable`)
      if (at > durable) later++
      left.close()
      queues = (moments[Math.max(0, at)] as Moment).queues
      moments = [momentOf(queues)]
      durable = 0
    }
  }
  t.equal(seeds, Math.ceil(SEEDS / portion.of))
  t.equal(cuts, seeds * LIVES)
  // What so few came to in a portion is chance.
  if (portion.of === 1) t.ok(later > 100 && shorter > 100, `${later} found more than was promised, ${shorter} were cut`)
})
