/**
 * Processes with a group that delivers at most once on one folder, killed one after the other; and what they handed out.
 *
 * The oracle is outside of what is killed: it hears of each hand-out by a pipe, whose bytes survive their writer. Nothing may
 * be handed out twice, whoever lived in between, and a death may pass over no more than the ceiling allows. At the end the
 * group is drained in good order: then nothing more is passed over, and every record was handed out or told.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '../../api/broker.ts'
import { IN_DOUBT_MAX } from '../../group/ceiling.ts'
import type { FaultPoint } from '../../wire/layout.ts'
import type { Broker } from '../../words/broker.ts'
import type { GroupStats } from '../../words/listing.ts'
import type { Durability } from '../../words/message.ts'
import { until } from '../fixtures/broker.fixture.ts'
import { drawMoment, liveUntilKilled } from './killed-child.fixture.ts'

export const CLAIMED = {
  topic: { partitions: 3, segmentBytes: 65_536, windowBytes: 65_536, maxMessageBytes: 4_096 },
  journalBytes: 131_072,
} as const

/** How long handlers take, one life after the other: as fast as they can, a short await, and one after the other. */
const PACES_MS = [0, 3, 60] as const
/** Where every second process is killed by itself; the others die at a random moment. */
const POINTS: readonly FaultPoint[] = ['ceilingWritten', 'statesSwept', 'betweenDeadLetterAndVerdict']
const CHILD = new URL('./claims-child.fixture.js', import.meta.url)
/** Of a process that does not come to its point. */
const CHILD_MS = 30_000

export interface ClaimDeaths {
  readonly deaths: number
  readonly handed: number
  /** Records that were never handed out. */
  readonly missed: number
  readonly problems: readonly string[]
}

/** What was heard of the partitions. */
export class ClaimOracle {
  readonly handed: Set<string> = new Set()
  readonly problems: string[] = []
  missed = 0
  readonly #next: number[] = Array.from({ length: CLAIMED.topic.partitions }, () => 0)
  readonly #told: { readonly partition: number; readonly from: number; readonly to: number }[] = []
  /** What the deaths since a partition's last hand-out may have passed over there. */
  readonly #allowed: number[] = Array.from({ length: CLAIMED.topic.partitions }, () => 0)

  /** A life ended that had taken so long for each record. */
  died(paceMs: number): void {
    const most = paceMs > 50 ? 1 : IN_DOUBT_MAX
    for (const partition of this.#allowed.keys()) (this.#allowed[partition] as number) += most
  }

  /** Returns how many records were passed over before this one. */
  hear(partition: number, offset: number): number {
    const place = `${partition}/${offset}`
    if (this.handed.has(place)) this.problems.push(`${place} was handed out twice`)
    this.handed.add(place)
    const missed = offset - (this.#next[partition] as number)
    const allowed = this.#allowed[partition] as number
    if (missed < 0) this.problems.push(`${place} comes after ${(this.#next[partition] as number) - 1}`)
    if (missed > allowed)
      this.problems.push(`${missed} records before ${place} were passed over, of at most ${allowed}`)
    this.missed += Math.max(0, missed)
    this.#next[partition] = offset + 1
    this.#allowed[partition] = 0
    return missed
  }

  told(partition: number, from: number, to: number): void {
    this.#told.push({ partition, from, to })
    if (to - from > IN_DOUBT_MAX) this.problems.push(`${from} to ${to} of partition ${partition} are in doubt`)
  }

  /** Whether some process has told of all records before this one that were passed over, as many as these. */
  isTold(partition: number, offset: number, missed: number): boolean {
    const isIn = (at: number): boolean =>
      this.#told.some(({ partition: where, from, to }) => where === partition && from <= at && at < to)
    return Array.from({ length: missed }, (_, n) => offset - 1 - n).every(isIn)
  }

  /** After the group has nothing left: whatever was not handed out is counted. */
  judge({ partitions, passedOver }: GroupStats): void {
    for (const { partition, highWatermark } of partitions) {
      const next = this.#next[partition] as number
      if (highWatermark - next > (this.#allowed[partition] as number))
        this.problems.push(`${partition}/${next} and more of ${highWatermark} were not handed out`)
      this.missed += highWatermark - next
      this.#next[partition] = highWatermark
      this.#allowed[partition] = 0
    }
    if (this.missed > passedOver)
      this.problems.push(`${this.missed} records were not handed out, and ${passedOver} are said to be in doubt`)
  }
}

/** One process from its start to its death. */
async function live(dir: string, durability: Durability, life: number, oracle: ClaimOracle): Promise<void> {
  const paceMs = PACES_MS[life % PACES_MS.length] as number
  const point = life % 2 === 1 ? POINTS[(life >> 1) % POINTS.length] : undefined
  const drawn = point === undefined ? drawMoment(0) : undefined
  const { code, trouble } = await liveUntilKilled({
    module: CHILD,
    args: [dir, durability, `${paceMs}`, point ?? '-'],
    moment: drawn?.moment,
    lifeMs: CHILD_MS,
    hear(line) {
      const [word, partition, first, second] = line.split(' ')
      if (word === 'h') {
        oracle.hear(Number(partition), Number(first))
        drawn?.begin()
      } else if (word === 'p') oracle.told(Number(partition), Number(first), Number(second))
    },
  })
  if (code !== null) oracle.problems.push(`life ${life} ended by itself with code ${code}: ${trouble}`)
  oracle.died(paceMs)
}

async function drain(broker: Broker, oracle: ClaimOracle, more: number): Promise<GroupStats> {
  broker.on('passedOver', ({ partition, from, to }) => oracle.told(partition, from, to))
  const gaps: { readonly partition: number; readonly offset: number; readonly missed: number }[] = []
  const work = await broker.topic<number>('work')
  const run = await work.group('g').handle(
    ({ partition, offset }) => {
      const missed = oracle.hear(partition, offset)
      if (missed > 0) gaps.push({ partition, offset, missed })
    },
    { delivery: 'at-most-once' },
  )
  await work.publishBatch(Array.from({ length: more }, (_, value) => ({ key: `key-${value % 32}`, value })))
  await run.idle()
  // An event comes by message, and a record by a ring: either may be first.
  const untold = () => gaps.filter(({ partition, offset, missed }) => !oracle.isTold(partition, offset, missed))
  await until(() => untold().length === 0).catch(() => undefined)
  for (const { partition, offset } of untold())
    oracle.problems.push(`nobody was told of what was passed over before ${partition}/${offset}`)
  return run.stats()
}

/** Each letter is of a record that was handed out, and is the only one of it. */
async function judgeLetters(broker: Broker, oracle: ClaimOracle): Promise<void> {
  const seen = new Set<string>()
  const letters = await broker.topic('work.g.dlq')
  const run = await letters.group('look').handle(({ headers }) => {
    const place = `${headers['millrace-partition']}/${headers['millrace-offset']}`
    if (seen.has(place)) oracle.problems.push(`${place} has two letters`)
    if (!oracle.handed.has(place)) oracle.problems.push(`${place} has a letter and was not handed out`)
    seen.add(place)
  })
  await run.idle()
}

/** Lets a folder live through so many deaths, and through two lives in good order. */
export async function claimDeaths(deaths: number, durability: Durability, first: number): Promise<ClaimDeaths> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-claims-'))
  const dir = join(parent, 'data')
  const oracle = new ClaimOracle()
  const open = (): Promise<Broker> => openBroker({ dir, logger: false }, { journalBytes: CLAIMED.journalBytes })
  try {
    for (let death = 0; death < deaths && oracle.problems.length === 0; death++)
      await live(dir, durability, first + death, oracle)
    for (let clean = 0; clean < 2 && oracle.problems.length === 0; clean++) {
      const broker = await open()
      try {
        oracle.judge(await drain(broker, oracle, 300))
        if (clean === 1) await judgeLetters(broker, oracle)
      } finally {
        await broker.close()
      }
    }
    if (oracle.problems.length > 0) process.stderr.write(`the folder is kept: ${dir}\n`)
  } finally {
    if (oracle.problems.length === 0) rmSync(parent, { recursive: true })
  }
  const { handed, missed, problems } = oracle
  return { deaths, handed: handed.size, missed, problems }
}
