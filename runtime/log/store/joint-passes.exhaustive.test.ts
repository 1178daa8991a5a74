/** The process ends, or the power, at any operation of passes whose frames belong together, and while that is recovered. */
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { Chance } from '../../proof/sim/chance.ts'
import { Cut, type DiskOperation, SimDisk } from '../../proof/sim/sim-disk.ts'
import { recoverStore } from '../folder/recover-store.ts'
import { entryOf, ROOT, STORE_ID } from './log-store.fixture.ts'
import { LogStore } from './log-store.ts'
import type { StoredTopic } from './stored-topic.ts'

interface Mix {
  readonly title: string
  readonly logs: readonly ('os' | 'fsync')[]
  /** Bytes of the value of each frame. */
  readonly valueBytes: number
}

/** A journal of 4 KiB: two of the large frames do not fit it. */
const MIXES: readonly Mix[] = [
  { title: 'logs in no journal', logs: ['os', 'os', 'os'], valueBytes: 60 },
  { title: 'logs in the journal', logs: ['fsync', 'fsync', 'fsync'], valueBytes: 60 },
  { title: 'logs of both kinds', logs: ['os', 'fsync', 'os', 'fsync'], valueBytes: 60 },
  { title: 'logs of both kinds, and a journal that is often full', logs: ['fsync', 'os', 'fsync'], valueBytes: 800 },
  { title: 'logs in the journal that do not fit it', logs: ['fsync', 'fsync'], valueBytes: 1900 },
  { title: 'logs of both kinds that do not fit the journal', logs: ['fsync', 'os', 'fsync'], valueBytes: 1900 },
]
const PASSES = 6
const ROUNDS = 20
const SEEDS = 40
/** Of those that change something, more than an opening has. */
const OPENING_OPERATIONS = 48
const READING: readonly DiskOperation[] = ['read', 'size', 'list', 'close']

/** What the last pass was to do, as far as it is known how far it came. */
interface Life {
  /** End of each log by all that was acknowledged. */
  readonly acked: number[]
  /** The end of each log after the pass in which the life ended; null: it ended in none. */
  after: number[] | null
}

class Lives {
  readonly disk = new SimDisk()
  readonly topics: readonly StoredTopic[]
  readonly #mix: Mix
  readonly life: Life

  constructor(mix: Mix) {
    this.#mix = mix
    this.topics = mix.logs.map((durability, at) => {
      return {
        topic: at + 1,
        durability,
        segmentBytes: 4096,
        frameBytesMax: 3000,
        retention: { bytesMax: null, ageMaxMs: null },
      }
    })
    this.life = { acked: mix.logs.map(() => 0), after: null }
  }

  open(): LogStore {
    const partitions = this.topics.map(topic => ({ topic, partition: 0 }))
    return LogStore.open(this.disk, ROOT, 0, STORE_ID, partitions, { journalBytes: 4096 })
  }

  /** Ends at this operation of those that change something; false: there were fewer. */
  endsAt(operation: number, writtenBytes: number, act: () => void): boolean {
    let left = operation
    this.disk.before = (_, kind) => {
      if (!READING.includes(kind) && left-- === 0) throw new Cut(writtenBytes)
    }
    try {
      act()
      return false
    } catch (error) {
      if (!(error instanceof Cut)) throw error
      return true
    }
  }

  /** Every other pass is to all logs; between them one is to a single one, which is to be there whatever becomes of the others. */
  passes(store: LogStore): void {
    for (let pass = 0; pass < PASSES; pass++) {
      const chosen = pass % 2 === 0 ? this.topics : [this.topics[pass % this.topics.length] as StoredTopic]
      const entries = chosen.map(topic => entryOf(store.partition(topic, 0), this.#mix.valueBytes))
      const after = [...this.life.acked]
      for (const { log, endOffset } of entries) after[log.topic.topic - 1] = endOffset
      this.life.after = after
      store.append(entries, pass % 2 === 0 ? entries : [])
      this.life.acked.splice(0, after.length, ...after)
      this.life.after = null
    }
  }

  /** What is wrong with what was found; null: nothing. `lost`: the power was. */
  judge(store: LogStore, lost: boolean): string | null {
    const { acked, after } = this.life
    const ends = this.topics.map(topic => store.partition(topic, 0).endOffset)
    const said = `${ends} where ${acked} was acknowledged, and ${after} written`
    const isPromised = (at: number): boolean => !lost || this.#mix.logs[at] === 'fsync'
    const promised = [...ends.keys()].filter(isPromised)
    if (promised.some(at => (ends[at] as number) < (acked[at] as number))) return `lost: ${said}`
    if (after === null) return null
    const members = promised.filter(at => after[at] !== acked[at])
    const taken = members.filter(at => ends[at] === after[at])
    return taken.length > 0 && taken.length < members.length ? `in some: ${said}` : null
  }
}

for (const mix of MIXES)
  t.test(`${mix.title}: a pass is in all of them or in none, whatever ends the process`, async t => {
    const wrongs: string[] = []
    let [ends, inAll, inNone] = [0, 0, 0]
    for (const round of drawn(ROUNDS))
      for (let cut = 0; ; cut++) {
        const chance = new Chance(cut * ROUNDS + round)
        const lives = new Lives(mix)
        lives.open().close()
        const writtenBytes = chance.happens(0.5) ? 0 : chance.below(1000)
        if (!lives.endsAt(cut, writtenBytes, () => lives.passes(lives.open()))) break
        const lost = round % 2 === 1
        const end = (isPower: boolean): void => (isPower ? lives.disk.powerCut(chance) : lives.disk.crash())
        // Recovery ends in its midst as well, and where the number of hosts changes it is another. What the process alone has ended
        // may lose the power then: not all that the next one reads is durable.
        const endsTwice = chance.happens(0.6)
        end(lost && !(endsTwice && chance.happens(0.5)))
        if (endsTwice) {
          lives.endsAt(chance.below(40), chance.below(200), () => recover(lives, chance.happens(0.5)))
          end(lost)
        }
        if (chance.happens(0.3)) recover(lives, true)
        const store = lives.open()
        const wrong = lives.judge(store, lost)
        if (wrong !== null)
          wrongs.push(`operation ${cut}, ${writtenBytes} bytes, ${lost ? 'power' : 'process'}: ${wrong}`)
        const { after, acked } = lives.life
        if (after !== null) {
          if (store.partition(lives.topics[0] as StoredTopic, 0).endOffset === after[0] && after[0] !== acked[0])
            inAll++
          else inNone++
        }
        ends++
      }
    t.same(wrongs.slice(0, 5), [], `${wrongs.length} of ${ends}`)
    // What so few came to in a portion is chance.
    if (portion.of > 1) return
    t.ok(inAll > 0 && inNone > 0, `${inAll} whole, ${inNone} not there`)
  })

t.test('what the journal was given and never synced is durable before a log has a part of it', async t => {
  const wrongs: string[] = []
  let inAll = 0
  for (const seed of drawn(SEEDS))
    for (let cut = 0; cut < OPENING_OPERATIONS; cut++) {
      const lives = new Lives({ title: '', logs: ['fsync', 'fsync'], valueBytes: 60 })
      const store = lives.open()
      // The process alone ends, before the sync of the first pass.
      lives.disk.before = (_, kind) => {
        if (kind === 'sync') throw new Cut(0)
      }
      t.throws(() => lives.passes(store), Cut)
      lives.disk.crash()
      lives.endsAt(cut, 0, () => recover(lives, seed % 2 === 0))
      lives.disk.powerCut(new Chance(seed * OPENING_OPERATIONS + cut))
      const found = lives.open()
      const wrong = lives.judge(found, true)
      if (wrong !== null) wrongs.push(`seed ${seed}, operation ${cut}: ${wrong}`)
      if (found.partition(lives.topics[0] as StoredTopic, 0).endOffset > 0) inAll++
    }
  t.strictSame(wrongs.slice(0, 5), [], `${wrongs.length} wrong`)
  t.ok(inAll > 0, `${inAll} whole`)
})

function recover(lives: Lives, isWhole: boolean): void {
  const topics = new Map(lives.topics.map(topic => [topic.topic, { ...topic, partitions: 1 }]))
  if (isWhole) recoverStore(lives.disk, ROOT, STORE_ID, topics, () => undefined)
  else lives.open()
}
