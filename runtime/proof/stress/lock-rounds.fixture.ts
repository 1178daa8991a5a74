/**
 * Processes that take one folder after the other, each in namespaces of its own: who may have it when, and what must be there.
 *
 * The oracle is outside: it hears by pipes, whose bytes survive their writer, who opened the folder and what was acknowledged, and it
 * alone stops and kills. A round is a folder: its first holder, three heirs at once, and three deaths, until the last closes.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../../api/broker.ts'
import type { StoreTuning } from '../../embedded/session.ts'
import type { BrokerOptions } from '../../words/broker.ts'
import type { TopicOptions } from '../../words/topic-definition.ts'
import { within } from './within.fixture.ts'

export const LOCKED: {
  readonly broker: BrokerOptions
  readonly tuning: StoreTuning
  readonly topic: TopicOptions
} = {
  broker: { logger: false, partitionThreads: 1, memoryMaxBytes: 64 * 1024 * 1024 },
  tuning: { journalBytes: 131_072 },
  topic: { partitions: 2, durability: 'fsync' },
}

const CHILD = fileURLToPath(new URL('./lock-child.fixture.js', import.meta.url))
const HEIRS = 3
/** For whatever a process is waited for. */
const STEP_MS = 20_000
const RECEIPTS = 5
const RUN_MS_MAX = 300

export interface LockRound {
  readonly deaths: number
  readonly hostNames: number
  readonly receipts: number
  readonly refusals: number
  readonly problems: readonly string[]
}

type State = 'starts' | 'ready' | 'refused' | 'opened' | 'killed' | 'closed' | 'failed'

class Contender {
  readonly name: string
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #tell: (one: Contender, line: string) => void
  #trouble = ''
  #waiting: (() => void)[] = []
  state: State = 'starts'
  receipts = 0

  /** `unshare`: the command that makes the namespaces. */
  constructor(unshare: readonly string[], dir: string, name: string, tell: (one: Contender, line: string) => void) {
    this.name = name
    this.#tell = tell
    const [command = '', ...args] = unshare
    const script = `hostname ${name} && exec "$0" "$@"`
    this.#child = spawn(command, [...args, 'sh', '-c', script, process.execPath, CHILD, dir, name], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdin.on('error', () => undefined)
    this.#child.stderr.on('data', bytes => {
      this.#trouble += bytes
    })
    createInterface({ input: this.#child.stdout }).on('line', line => this.#hear(line))
    this.#child.once('close', () => {
      if (this.state !== 'killed' && this.state !== 'closed') this.#hear(`failed ended: ${this.#trouble.slice(0, 500)}`)
      this.#wake()
    })
  }

  #hear(line: string): void {
    const [what = ''] = line.split(' ')
    if (what === 'a') this.receipts++
    else if (this.state !== 'killed') this.state = what as State
    this.#tell(this, line)
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!condition()) {
        if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error(`${this.name} has ended`)
        await new Promise<void>(resolve => this.#waiting.push(resolve))
      }
    }
    await within(STEP_MS, `${this.name}: ${what}`, wait())
  }

  /** The process in its namespace, as this one knows it: the only child of what made the namespaces. */
  get #pid(): number {
    const { pid } = this.#child
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    if (!/^\d+$/.test(children)) throw new Error(`${this.name} has not one child, but '${children}'`)
    return Number(children)
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.#pid, signal)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise(resolve => this.#child.once('close', resolve))
    this.state = 'killed'
    process.kill(this.#pid, 'SIGKILL')
    await within(STEP_MS, `the death of ${this.name}`, ended)
  }

  async close(): Promise<void> {
    this.#child.stdin.end()
    await this.until(() => this.state === 'closed', 'closes')
  }
}

/** What is known of a folder from outside. */
class Oracle {
  readonly problems: string[] = []
  readonly acknowledged = new Map<string, string>()
  readonly contenders: Contender[] = []
  refusals = 0

  hear(one: Contender, line: string): void {
    const [what, ...rest] = line.split(' ')
    if (what === 'failed') this.problems.push(`${one.name}: ${line}`)
    if (what === 'refused') this.refusals++
    if (what === 'opened')
      for (const other of this.contenders)
        if (other !== one && other.state === 'opened')
          this.problems.push(`${one.name} opened the folder while ${other.name} has it`)
    if (what !== 'a') return
    const [partition, offset, value = ''] = rest
    const place = `${partition}/${offset}`
    const before = this.acknowledged.get(place)
    if (before !== undefined) this.problems.push(`${place} was given to ${before} and to ${value}`)
    this.acknowledged.set(place, value)
  }

  get holders(): Contender[] {
    return this.contenders.filter(({ state }) => state === 'opened')
  }
}

/** One folder. `stopMs`: its first holder is stopped for so long while heirs try; 0: it is not. */
export async function lockRound(unshare: readonly string[], round: number, stopMs: number): Promise<LockRound> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-locks-'))
  const dir = join(parent, 'data')
  const oracle = new Oracle()
  const start = (name: string): Contender => {
    const one = new Contender(unshare, dir, name, (who, line) => oracle.hear(who, line))
    oracle.contenders.push(one)
    return one
  }
  let deaths = 0
  try {
    const first = start(`holder-${round}`)
    await first.until(() => first.receipts >= RECEIPTS, 'publishes')
    const heirs = Array.from({ length: HEIRS }, (_, at) => start(`heir-${round}-${at}`))
    if (stopMs > 0) await stopped(first, heirs, oracle, stopMs)
    else await sleep(Math.random() * 2 * RUN_MS_MAX)
    for (let holder = first; holder !== undefined; deaths++) {
      await sleep(Math.random() * RUN_MS_MAX)
      const left = heirs.filter(({ state }) => state !== 'killed' && state !== 'opened')
      if (left.length === 0) break
      await holder.kill()
      holder = await heirOf(left)
      await holder.until(() => holder.receipts >= RECEIPTS, 'publishes')
    }
    await oracle.holders[0]?.close()
    await judge(dir, oracle)
  } catch (error) {
    oracle.problems.push(String(error))
  } finally {
    for (const one of oracle.contenders) await one.kill().catch(() => undefined)
  }
  const problems = oracle.problems.map(problem => `round ${round}: ${problem}`)
  if (problems.length === 0) rmSync(parent, { recursive: true })
  else process.stderr.write(`the folder is kept: ${dir}\n`)
  const { contenders, refusals, acknowledged } = oracle
  return { deaths, hostNames: contenders.length - 1, receipts: acknowledged.size, refusals, problems }
}

/** Stops the holder while heirs try: none gets in, and the holder goes on afterwards. */
async function stopped(holder: Contender, heirs: readonly Contender[], oracle: Oracle, stopMs: number): Promise<void> {
  holder.signal('SIGSTOP')
  await Promise.all(heirs.map(heir => heir.until(() => heir.state === 'refused', 'is refused')))
  await sleep(stopMs)
  if (oracle.holders.some(one => one !== holder)) oracle.problems.push(`${holder.name} was robbed while it was stopped`)
  const { receipts } = holder
  holder.signal('SIGCONT')
  await holder.until(() => holder.receipts >= receipts + RECEIPTS, 'goes on')
}

/** The heir that gets the folder of a dead holder. */
async function heirOf(heirs: readonly Contender[]): Promise<Contender> {
  return await Promise.race(
    heirs.map(async heir => {
      await heir.until(() => heir.state === 'opened', 'becomes the holder')
      return heir
    }),
  )
}

/** All that was acknowledged is there, at its place, and nothing twice. */
async function judge(dir: string, { acknowledged, problems }: Oracle): Promise<void> {
  const broker = await openBroker({ dir, ...LOCKED.broker }, LOCKED.tuning)
  try {
    const topic = await broker.topic<string>('work', LOCKED.topic)
    const found = new Map<string, string>()
    const run = await topic.group('look').handle(({ partition, offset, value }) => {
      found.set(`${partition}/${offset}`, value)
    })
    await run.idle()
    for (const [place, value] of acknowledged)
      if (found.get(place) !== value)
        problems.push(`${value} was acknowledged at ${place}, where ${found.get(place)} is`)
    if (new Set(found.values()).size !== found.size) problems.push('a value is there twice')
  } finally {
    await broker.close()
  }
}
