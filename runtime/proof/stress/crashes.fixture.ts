/**
 * Processes with a broker on one folder, killed one after the other; and what the folder must hold then.
 *
 * The oracle is outside of what is killed: it hears of receipts and handled records by a pipe, whose bytes survive their
 * writer, and reads the folder's own files after each death. A folder lives through several deaths and is then read in full
 * by a new group, and its old group is drained.
 *
 * A process dies where its schedule says (crash-schedule.fixture.ts). Before one that is to die while it recovers, its logs
 * are left as a death in the middle of a write leaves them, and, where `fsync` is promised, a loss of power before.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Durability } from '../../words/message.ts'
import type { Topic } from '../../words/topic.ts'
import { growStateLog, losePower, tearTails } from './crash-damage.fixture.ts'
import { CrashFiles, willMark, willReplay } from './crash-files.fixture.ts'
import { CrashOracle, type FoundRecord } from './crash-oracle.fixture.ts'
import type { CrashSchedule, PlannedDeath } from './crash-schedule.fixture.ts'
import { CRASHED, type CrashValue } from './crash-topics.fixture.ts'
import { drawMoment, dyingAt, liveUntilKilled } from './killed-child.fixture.ts'

const CHILD = new URL('./crash-child.fixture.js', import.meta.url)
/** Deaths of a folder between two looks at all that is in it. */
const LOOK_EVERY = 5
/** How often a topic is read from its beginning at most: retention is done with what a life left after one of them. */
const READINGS_MAX = 3

export interface Crashes {
  readonly deaths: number
  readonly receipts: number
  readonly handled: number
  /** Deaths at a random moment, and those that did not come to their point. */
  readonly others: ReadonlyMap<string, number>
  readonly problems: readonly string[]
}

/** One folder, and what is known of it. */
interface Folder {
  readonly dir: string
  readonly durability: Durability
  readonly oracle: CrashOracle
  readonly files: CrashFiles
}

/** One process from its start to its death; says where it died. */
async function live(folder: Folder, life: number, planned: PlannedDeath): Promise<string> {
  const { dir, durability, oracle } = folder
  const { point, grown } = planned
  const drawn = point === undefined ? drawMoment() : undefined
  let died: string = drawn?.how ?? `not at ${point?.name}${grown === '' ? '' : ` of ${grown}`}`
  const { code, trouble } = await liveUntilKilled({
    module: CHILD,
    args: [dir, durability, `${life}`, point?.name ?? '-'],
    env: dyingAt(point, grown),
    moment: drawn?.moment,
    hear(line) {
      if (line === 'opened') drawn?.begin()
      else if (line.startsWith('at ')) died = line.slice(3)
      else oracle.hear(life, line)
    },
  })
  if (code !== null) oracle.problems.push(`life ${life} ended by itself with code ${code}: ${trouble}`)
  return died
}

/** Leaves the ends of logs as the next life is to find them. */
function damage({ dir, durability }: Folder, { point }: PlannedDeath): void {
  if (point?.time !== 'opening') return
  if (durability === 'fsync') losePower(dir)
  tearTails(dir)
}

/** Everything in a topic, by partition, as far as retention has left it: read again where it took the beginning meanwhile. */
async function readAll(topic: Topic<CrashValue>, partitions: number, name: string): Promise<FoundRecord[][]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(topic, partitions, name)
    } catch (error) {
      if (!isMillraceError(error, 'MILL_OFFSET_GONE') || attempt === READINGS_MAX) throw error
      await topic.group(name).delete()
    }
  }
}

async function readOnce(topic: Topic<CrashValue>, partitions: number, name: string): Promise<FoundRecord[][]> {
  const found: FoundRecord[][] = Array.from({ length: partitions }, () => [])
  const group = await topic.group(name)
  const run = await group.handle(({ partition, offset, value }) => {
    const records = found[partition] as FoundRecord[]
    const last = records.at(-1)
    if (last !== undefined && last.offset + 1 !== offset) throw new Error(`offset ${offset} follows ${last.offset}`)
    records.push({ offset, value: `${value.life}:${value.sequence}`, bytes: value.text.length })
  })
  await run.idle()
  await run.stop()
  await group.delete()
  return found
}

async function look({ dir, durability, oracle }: Folder, life: number, isLast: boolean): Promise<void> {
  const { partitionThreads, journalBytes } = CRASHED
  const broker = await openBroker({ dir, logger: false, partitionThreads }, { journalBytes })
  try {
    const name = `look-${life}`
    const work = await broker.topic<CrashValue>('work', { ...CRASHED.topic, durability })
    const found = (await readAll(work, CRASHED.topic.partitions, name)).map(records => {
      for (const [at, { offset }] of records.entries())
        if (at !== offset) oracle.problems.push(`work has offset ${offset} where ${at} should be`)
      return records.map(({ value }) => value)
    })
    oracle.judge(found)
    const kept = await broker.topic<CrashValue>('kept', { ...CRASHED.kept, durability })
    const [records = []] = await readAll(kept, 1, name)
    oracle.judgeKept(records)
    if (!isLast) return
    for (const each of oracle.born) await judgeBorn(broker, durability, oracle, each)
    const run = await work.group('g').handle(({ partition, offset }) => {
      oracle.handled.add(`${partition}/${offset}`)
    })
    await run.idle()
    oracle.judgeHandled(found)
  } finally {
    await broker.close()
  }
}

/** The topic of a life is made, if its life has died before it was. */
async function judgeBorn(broker: Broker, durability: Durability, oracle: CrashOracle, life: number): Promise<void> {
  const { partitions: _, ...options } = CRASHED.born
  const born = await broker.topic<CrashValue>(`born-${life}`, { ...options, durability })
  oracle.judgeBorn(life, await readAll(born, born.partitions, 'look'))
}

/** Lets a folder live through so many deaths, numbered from `first` on. */
export async function crashFolder(
  schedule: CrashSchedule,
  deaths: number,
  durability: Durability,
  first: number,
): Promise<Crashes> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
  const oracle = new CrashOracle()
  const { problems } = oracle
  const folder: Folder = { dir: join(parent, 'data'), durability, oracle, files: new CrashFiles() }
  const others = new Map<string, number>()
  const ways = {
    grow: (file: string): boolean => growStateLog(folder.dir, file),
    willReplay: (): boolean => willReplay(folder.dir),
    willMark: (): boolean => willMark(folder.dir),
  }
  let life = first
  try {
    for (let death = 1; death <= deaths && problems.length === 0; death++, life++) {
      const planned = schedule.next(death - 1, durability, ways)
      damage(folder, planned)
      const died = await live(folder, life, planned)
      const isThere = died === planned.point?.name
      schedule.died({ ...planned, isThere })
      if (!isThere) others.set(died, (others.get(died) ?? 0) + 1)
      const found = problems.length
      problems.push(...folder.files.look(folder.dir, 'g'))
      const isLast = death === deaths
      if (isLast || death % LOOK_EVERY === 0) await look(folder, life, isLast)
      if (problems.length > found) problems.push(`found after life ${life}, which died: ${died}`)
    }
    if (problems.length > 0) process.stderr.write(`the folder is kept: ${folder.dir}\n`)
  } finally {
    if (problems.length === 0) rmSync(parent, { recursive: true })
  }
  const { receipts, handled } = oracle
  return { deaths: life - first, receipts, handled: handled.size, others, problems }
}
