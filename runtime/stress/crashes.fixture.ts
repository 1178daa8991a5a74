/**
 * Processes with a broker on one folder, killed one after the other; and what the folder must hold then.
 *
 * The oracle is outside of what is killed: it hears of receipts and handled records by a pipe, whose bytes survive their
 * writer. A folder lives through several deaths and is then read in full by a new group, and its old group is drained.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../broker.ts'
import type { FaultPoint } from '../layout.ts'
import type { Durability, Topic } from '../types.ts'

export interface CrashValue {
  readonly life: number
  readonly sequence: number
  readonly text: string
}

/** Small files, so that many deaths find them being closed, turned or written anew. */
export const CRASHED = {
  topic: { partitions: 3, segmentBytes: 65_536, windowBytes: 65_536, maxMessageBytes: 4_096 },
  journalBytes: 131_072,
  keys: 8,
} as const

/** Where a process is killed by itself; the others die at a random moment. */
export const POINTS: readonly FaultPoint[] = [
  'segmentWritten',
  'roll',
  'journalWritten',
  'journalReuse',
  'checkpointSynced',
  'marksWritten',
  'beforeCommit',
  'betweenWindowAndRing',
  'betweenRingAndReceipt',
  'statesSwept',
]

const CHILD = fileURLToPath(new URL('./crash-child.fixture.js', import.meta.url))
/** Deaths of a folder between two looks at all that is in it. */
const LOOK_EVERY = 5
/** Of the deaths at a random moment, those that come while the process starts and recovers. */
const EARLY_SHARE = 0.3
const EARLY_MS = 400
const LATE_MS = 600
/** Of a process that does not come to its point. */
const CHILD_MS = 30_000

export interface Crashes {
  readonly deaths: number
  readonly receipts: number
  readonly handled: number
  /** Deaths by point; `timer` and `early` are random moments. */
  readonly points: ReadonlyMap<string, number>
  readonly problems: readonly string[]
}

/** What is known of one folder. */
class Oracle {
  /** Acknowledged, by partition and offset. */
  readonly acked = new Map<string, string>()
  readonly handled = new Set<string>()
  /** How many sequences each life has begun to publish. */
  readonly sent = new Map<number, number>()
  readonly problems: string[] = []
  receipts = 0

  hear(life: number, line: string): void {
    const [word, ...rest] = line.split(' ')
    const [first, second, third] = rest
    if (word === 's') this.sent.set(life, Number(first))
    else if (word === 'h') this.handled.add(`${first}/${second}`)
    else if (word === 'a') {
      this.receipts++
      const place = `${first}/${second}`
      const known = this.acked.get(place)
      const value = `${life}:${third}`
      if (known !== undefined) this.problems.push(`two receipts for ${place}: ${known} and ${value}`)
      this.acked.set(place, value)
    }
  }

  /** Judges all that is there: values by partition, then offset. */
  judge(found: readonly (readonly string[])[]): void {
    const places = new Map<string, string>()
    const latest = new Map<string, readonly [number, number]>()
    for (const [partition, values] of found.entries()) {
      for (const [offset, value] of values.entries()) {
        const [life, sequence] = value.split(':').map(Number) as [number, number]
        const place = `${partition}/${offset}`
        if (sequence >= (this.sent.get(life) ?? 0)) this.problems.push(`${value} at ${place} was never sent`)
        const other = places.get(value)
        if (other !== undefined) this.problems.push(`${value} is at ${other} and at ${place}`)
        places.set(value, place)
        const key = `${sequence % CRASHED.keys}`
        const [lastLife, lastSequence] = latest.get(key) ?? [-1, -1]
        if (life < lastLife || (life === lastLife && sequence <= lastSequence))
          this.problems.push(`${value} at ${place} comes after ${lastLife}:${lastSequence} of the same key`)
        latest.set(key, [life, sequence])
      }
    }
    for (const [place, value] of this.acked) {
      const [partition, offset] = place.split('/').map(Number) as [number, number]
      const there = found[partition]?.[offset]
      if (there !== value) this.problems.push(`${value} was acknowledged at ${place}, where ${there ?? 'nothing'} is`)
    }
  }

  /** After the group has nothing left to handle. */
  judgeHandled(found: readonly (readonly string[])[]): void {
    for (const [partition, values] of found.entries())
      for (const offset of values.keys())
        if (!this.handled.has(`${partition}/${offset}`)) this.problems.push(`${partition}/${offset} was never handled`)
  }
}

/** One process from its start to its death; says at which point it died. */
async function live(dir: string, durability: Durability, life: number, oracle: Oracle): Promise<string> {
  // What need not survive a loss of power is in no journal.
  const points = durability === 'fsync' ? POINTS : POINTS.filter(name => !name.startsWith('journal'))
  const point = life % 2 === 0 ? points[(life >> 1) % points.length] : undefined
  const child = spawn(process.execPath, [CHILD, dir, durability, `${life}`, point ?? '-'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let died: string = point === undefined ? 'timer' : `not at ${point}`
  let trouble = ''
  child.stderr.on('data', bytes => {
    trouble += bytes
  })
  const opened = new Promise<void>(resolve => {
    createInterface({ input: child.stdout }).on('line', line => {
      if (line === 'opened') resolve()
      else if (line.startsWith('at ')) died = line.slice(3)
      else oracle.hear(life, line)
    })
  })
  const ended = new Promise<number | null>(resolve => child.once('close', code => resolve(code)))
  const late = sleep(CHILD_MS, undefined, { ref: false })
  if (point !== undefined) await Promise.race([ended, late])
  else {
    const isEarly = Math.random() < EARLY_SHARE
    if (isEarly) died = 'early'
    const moment = isEarly ? sleep(Math.random() * EARLY_MS) : opened.then(() => sleep(Math.random() * LATE_MS))
    await Promise.race([moment, ended, late])
  }
  child.kill('SIGKILL')
  const code = await ended
  if (code !== null) oracle.problems.push(`life ${life} ended by itself with code ${code}: ${trouble.slice(0, 2_000)}`)
  return died
}

/** Everything in the topic, by partition. */
async function readAll(work: Topic<CrashValue>, life: number): Promise<string[][]> {
  const found: string[][] = Array.from({ length: CRASHED.topic.partitions }, () => [])
  const group = work.group(`look-${life}`)
  const run = await group.handle(({ partition, offset, value }) => {
    const values = found[partition] as string[]
    if (values.length !== offset) throw new Error(`offset ${offset} follows ${values.length - 1}`)
    values.push(`${value.life}:${value.sequence}`)
  })
  await run.idle()
  await run.stop()
  await group.delete()
  return found
}

async function look(dir: string, life: number, oracle: Oracle, isLast: boolean): Promise<void> {
  const broker = await openBroker({ dir, logger: false }, { journalBytes: CRASHED.journalBytes })
  try {
    const work = await broker.topic<CrashValue>('work')
    const found = await readAll(work, life)
    oracle.judge(found)
    if (!isLast) return
    const run = await work.group('g').handle(({ partition, offset }) => {
      oracle.handled.add(`${partition}/${offset}`)
    })
    await run.idle()
    oracle.judgeHandled(found)
  } finally {
    await broker.close()
  }
}

/** Lets a folder live through so many deaths. */
export async function crashFolder(deaths: number, durability: Durability, first: number): Promise<Crashes> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-crash-'))
  const dir = join(parent, 'data')
  const oracle = new Oracle()
  const points = new Map<string, number>()
  let life = first
  try {
    for (let death = 1; death <= deaths && oracle.problems.length === 0; death++, life++) {
      const died = await live(dir, durability, life, oracle)
      points.set(died, (points.get(died) ?? 0) + 1)
      const isLast = death === deaths
      if (isLast || death % LOOK_EVERY === 0) await look(dir, life, oracle, isLast)
    }
    if (oracle.problems.length > 0) process.stderr.write(`the folder is kept: ${dir}\n`)
  } finally {
    if (oracle.problems.length === 0) rmSync(parent, { recursive: true })
  }
  const { receipts, handled, problems } = oracle
  return { deaths: life - first, receipts, handled: handled.size, points, problems }
}
