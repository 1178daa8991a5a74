/**
 * Topics and groups, or queues and their consumers, that come and go, in memory and on one folder: nothing may pile up.
 *
 *   node dist/runtime/proof/stress/churn.js [--count 1000] [--warm 300] [--what topics|queues] [--where memory|disk] [--restarts 9]
 *
 * The first `--warm` turns do not count: until then the heaps of all threads grow to what V8 lets them have.
 *
 * Each turn makes a topic, publishes to it from this thread and from a handler, handles it in two groups, one of which has dead letters
 * that are purged, deletes the groups and then the topic. Another topic stays, and a group of it comes and goes. On disk the
 * folder is opened again `--restarts` times on the way, and after a tenth and at the end. After a tenth and after the whole, each after a collection of garbage,
 * memory of the process may have grown by a tenth; open files, blocks of shared memory and files are as many; state logs keep
 * their bounds, and openings their time. What is listed right after each restart is what is there. Ends with a line for each
 * place, and fails if one of these does not hold.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openBroker, sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import { type Broker, RejectError, type Topic } from '../../index.ts'
import { queueTurn } from './churn-queue.fixture.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string' },
    warm: { type: 'string' },
    what: { type: 'string' },
    where: { type: 'string' },
    restarts: { type: 'string' },
  },
})
const count = Number(values.count ?? 1_000)
const warm = Number(values.warm ?? 300)
const restarts = Number(values.restarts ?? 9)
const what = values.what ?? 'topics'
// Queues are in memory.
const places = what === 'queues' ? ['memory'] : values.where === undefined ? ['memory', 'disk'] : [values.where]

const SMALL = { windowBytes: 65_536, maxMessageBytes: 4_096 } as const
const TUNING = { journalBytes: 1_024 * 1_024 }
/** Memory of the process after a tenth and at the end may differ by as much. */
const RSS_FACTOR = 1.1
/** And how long openings of the second half take against those of the first. */
const OPENING_FACTOR = 2
/** State logs are compacted from this length on, or at four times what they hold. */
const STATES_BYTES_MAX = 6 * 2 * 64 * 1_024
const SETTLE_MS = 10_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

interface Weight {
  readonly rssBytes: number
  readonly openFiles: number
  readonly blocks: number
  readonly usedBytes: number
  /** Names under the folder. */
  readonly files: number
  /** Of all files but journals. */
  readonly statesBytes: number
}

const problems: string[] = []

function expect(holds: boolean, what: string): void {
  if (!holds) problems.push(what)
}

function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function filesUnder(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).flatMap(entry =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  )
}

async function weigh(broker: Broker, dir: string | undefined): Promise<Weight> {
  for (let turn = 0; turn < 3; turn++) {
    collect()
    await delay(50)
  }
  const { blocks, usedBytes } = await (sessions.get(broker) as Session).ask(control => control.census())
  const files = dir === undefined ? [] : filesUnder(dir)
  const states = files.filter(file => !file.includes('journal') && !file.includes('/topics/'))
  return {
    rssBytes: process.memoryUsage().rss,
    openFiles: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    blocks,
    usedBytes,
    files: files.length,
    statesBytes: states.reduce((sum, file) => sum + statSync(file).size, 0),
  }
}

async function handled(topic: Topic<number>, group: string, fails: boolean): Promise<number> {
  let seen = 0
  const run = await topic.group(group).handle(() => {
    seen++
    if (fails && seen === 1) throw new RejectError('never')
  })
  await run.idle()
  await run.stop()
  return seen
}

type Turn = (number: number) => Promise<void>

/** What a turn does, with what stays in this life of the broker. */
async function turning(broker: Broker): Promise<Turn> {
  if (what === 'queues') {
    const lasting = await broker.queue<number>('lasting')
    return async number => void problems.push(...(await queueTurn(broker, lasting, number)))
  }
  const lasting = await broker.topic<number>('lasting', SMALL)
  return number => topicTurn(broker, lasting, number)
}

async function topicTurn(broker: Broker, lasting: Topic<number>, number: number): Promise<void> {
  const name = `passing.${number}`
  const topic = await broker.topic<number>(name, { partitions: 2, ...SMALL })
  await topic.publishBatch(Array.from({ length: 20 }, (_, value) => ({ value, key: `${value}` })))
  const copying = await topic.group('copies').handle(async ({ value }, context) => {
    if (value < 5) await context.publish(name, { value: value + 100, key: `${value}` })
  })
  await copying.idle()
  await copying.idle()
  await copying.stop()
  expect((await handled(topic, 'fails', true)) === 25, `turn ${number}: not all records were handled`)
  const letters = broker.deadLetters(topic, { group: 'fails' })
  expect((await letters.purge({})) === 1, `turn ${number}: no dead letter`)
  await topic.group('copies').delete()
  await topic.delete()
  await lasting.publish({ value: number })
  const session = `session.${number}`
  await handled(lasting, session, false)
  await lasting.group(session).delete()
}

/** What there is: nothing has passed by that is listed still. */
async function look(broker: Broker, when: string): Promise<void> {
  const names = (await broker.topics()).map(({ name }) => name)
  if (what === 'queues') {
    expect(names.join() === 'lasting.dlq', `${when}: topics ${names.slice(0, 5).join()} are listed`)
    return
  }
  expect(names.join() === 'lasting', `${when}: topics ${names.slice(0, 5).join()} are listed`)
  const groups = await (await broker.topic('lasting', SMALL)).groups()
  expect(groups.length === 0, `${when}: groups ${groups.slice(0, 5).map(({ name }) => name)} are listed`)
}

function compare(where: string, early: Weight, late: Weight): void {
  const grown = late.rssBytes / early.rssBytes
  expect(grown <= RSS_FACTOR, `${where}: memory has grown to ${grown.toFixed(2)} times`)
  for (const field of ['openFiles', 'blocks', 'usedBytes', 'files'] as const)
    expect(early[field] === late[field], `${where}: ${field} were ${early[field]}, and are ${late[field]}`)
  const most = Math.max(early.statesBytes, STATES_BYTES_MAX)
  expect(late.statesBytes <= most, `${where}: state logs have ${late.statesBytes} bytes`)
}

async function churn(where: string): Promise<void> {
  const dir = where === 'disk' ? mkdtempSync(join(tmpdir(), 'millrace-churn-')) : undefined
  const options = { logger: false, memoryMaxBytes: 64 * 1_024 * 1_024, ...(dir === undefined ? {} : { dir }) } as const
  let broker = await openBroker(options, TUNING)
  const begin = performance.now()
  const opened: number[] = []
  let early: Weight | null = null
  try {
    let turn = await turning(broker)
    for (let number = 1; number <= warm; number++) await turn(-number)
    const tenth = Math.ceil(count / 10)
    const every = Math.ceil(count / (restarts + 1))
    for (let number = 1; number <= count; number++) {
      await turn(number)
      const isWeighed = number === tenth || number === count
      if (dir !== undefined && (isWeighed || number % every === 0)) {
        await broker.close()
        const since = performance.now()
        broker = await openBroker(options, TUNING)
        opened.push(performance.now() - since)
        await look(broker, `after ${number}`)
        turn = await turning(broker)
      }
      if (number === tenth) early = await settled(broker, dir, null)
    }
    await look(broker, 'at the end')
    const late = await settled(broker, dir, early)
    compare(where, early as Weight, late)
    const half = Math.floor(opened.length / 2)
    const [first, second] = [median(opened.slice(0, half)), median(opened.slice(half))]
    expect(
      half === 0 || second <= OPENING_FACTOR * first,
      `${where}: an opening took ${first} ms, and takes ${second} ms`,
    )
    tell(where, early as Weight, late, opened, performance.now() - begin)
  } finally {
    await broker.close()
    if (dir !== undefined) rmSync(dir, { recursive: true })
  }
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0
}

/** Once threads have given back what they are still to be told of, or are not going to. */
async function settled(broker: Broker, dir: string | undefined, wanted: Weight | null): Promise<Weight> {
  const since = performance.now()
  for (;;) {
    const weight = await weigh(broker, dir)
    const isBack = wanted === null || (weight.blocks === wanted.blocks && weight.openFiles === wanted.openFiles)
    if ((isBack && performance.now() - since > 300) || performance.now() - since > SETTLE_MS) return weight
  }
}

function tell(where: string, early: Weight, late: Weight, opened: readonly number[], ms: number): void {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  const openings = opened.length === 0 ? '' : `; opened in ${opened.map(each => Math.round(each)).join(', ')} ms`
  console.log(
    `${what} in ${where}: ${count} turns in ${Math.round(ms / 1_000)} s; memory ${mib(early.rssBytes)} after a tenth, ${mib(late.rssBytes)} at the end; ` +
      `${late.openFiles} open files, ${late.blocks} blocks, ${late.files} files, ${late.statesBytes} bytes of state logs${openings}`,
  )
}

for (const where of places) await churn(where)
for (const problem of problems.slice(0, 20)) console.log(`PROBLEM ${problem}`)
console.log(problems.length === 0 ? 'nothing has piled up' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
