/**
 * What times cost in a queue's core: delays that end one by one and all at once, and times to live. The clock is a number. After a build:
 *
 *   npm run test:queue-time -- [--delays N] [--at-once M] [--living L] [--rounds R]
 *
 *   --delays   messages that fall due within a second; default 100000
 *   --at-once  messages that fall due in one millisecond; default 1000000
 *   --living   messages that wait with a time to live each; default 10000000
 *   --rounds   of the first two; default 5
 *
 * Times are `process.cpuUsage`, medians with the lowest and the highest. The memory is that of the whole process, which does this first. Exits
 * with 1 when a message falls due at another time or in another order than it should, when making messages ready costs more than
 * READY_SHARE_MAX times what appending them cost, or when 10,000,000 times to live take more than RSS_MAX.
 */
import { parseArgs } from 'node:util'
import { QueueCore } from '../../queue/queue-core.ts'
import { PLAIN_LOG, PLAIN_POLICY } from '../../queue/queue-plan.fixture.ts'
import type { QueueLog, QueuePolicy } from '../../queue/queue-words.ts'
import { quantile } from './within.fixture.ts'

const READY_SHARE_MAX = 3
const RSS_MAX = 250e6
const RSS_FROM = 10_000_000
const APPEND = 100
const SIZE = 100
const HOUR_MS = 3_600_000

const { values: options } = parseArgs({
  options: {
    delays: { type: 'string', default: '100000' },
    'at-once': { type: 'string', default: '1000000' },
    living: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '5' },
  },
})

const policy: QueuePolicy = {
  ...PLAIN_POLICY,
  attempts: 5,
  backoff: { initialMs: 100, maxMs: 60_000, jitter: 0.5 },
  hasDeadLetters: false,
  heldMax: 1_024,
}

type TimeOf = (offset: number) => number

/** A queue with so many messages, each with its times. */
function filled(count: number, dueMs: TimeOf | null, expiresMs: TimeOf | null): QueueCore {
  const log: QueueLog = {
    ...PLAIN_LOG,
    bytesOf: () => SIZE,
    priorityOf: () => 0,
    dueMsOf: dueMs ?? PLAIN_LOG.dueMsOf,
    expiresMsOf: expiresMs ?? PLAIN_LOG.expiresMsOf,
  }
  const queue = QueueCore.create(policy, log)
  const sizes = new Uint32Array(APPEND).fill(SIZE)
  const due = dueMs === null ? null : new Float64Array(APPEND)
  const expires = expiresMs === null ? null : new Float64Array(APPEND)
  const fields = { priorities: null, dueMs: due, expiresMs: expires }
  for (let from = 0; from < count; from += APPEND) {
    for (let index = 0; index < APPEND; index++) {
      if (due !== null && dueMs !== null) due[index] = dueMs(from + index)
      if (expires !== null && expiresMs !== null) expires[index] = expiresMs(from + index)
    }
    const { taken, takenBytes } = queue.admit(sizes, due)
    queue.appended(taken, takenBytes, fields)
  }
  return queue
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

function told(of: readonly number[]): string {
  const sorted = [...of].sort((a, b) => a - b)
  const [median, low, high] = [quantile(sorted, 0.5), sorted[0], sorted.at(-1)].map(each => (each ?? 0).toFixed(2))
  return `${median} (${low}-${high})`
}

function fails(problem: string): void {
  console.log(`FAILED ${problem}`)
  process.exitCode = 1
}

/** Times to live: memory while all wait, and what it costs that each dies at its time. */
function living(count: number): void {
  const expiresMs: TimeOf = offset => 1_000 + ((offset * 7919) % HOUR_MS)
  let queue: QueueCore | null = null
  const filling = cpuMs(() => {
    queue = filled(count, null, expiresMs)
  })
  const { rss } = process.memoryUsage()
  console.log(
    `${count} with a time to live: ${(rss / 1e6).toFixed(0)} MB of the process, ${((filling * 1e6) / count).toFixed(0)} ns each to append`,
  )
  if (count <= RSS_FROM && rss > RSS_MAX) fails(`${rss} bytes`)
  let [gone, calls] = [0, 0]
  const dying = cpuMs(() => {
    for (let nowMs = 0; nowMs <= HOUR_MS + 1_000; nowMs = Math.max(nowMs, (queue as unknown as QueueCore).dueMs)) {
      gone += (queue as unknown as QueueCore).expire(nowMs).length
      calls++
    }
  })
  console.log(`  each gone at its time: ${((dying * 1e6) / count).toFixed(0)} ns, ${calls} calls`)
  if (gone !== count) fails(`${gone} of ${count} expired`)
}

/** Delays that end within a second: whether each falls due in its millisecond. Processor time in ms. */
function oneByOne(count: number): number {
  const queue = filled(count, offset => 5_000 + ((offset * 7919) % 1_000), null)
  let found = 0
  const ms = cpuMs(() => {
    for (let nowMs = 4_990; nowMs <= 6_000; nowMs++) {
      let last = -1
      do {
        const due = queue.due(nowMs)
        for (let at = 0; at < due.count; at++) {
          const offset = due.offsets[at] as number
          if (5_000 + ((offset * 7919) % 1_000) !== nowMs) fails(`message ${offset} fell due at ${nowMs}`)
          if (offset <= last) fails(`message ${offset} fell due behind ${last}`)
          last = offset
        }
        found += due.count
      } while (queue.dueMs <= nowMs)
    }
  })
  if (found !== count) fails(`${found} of ${count} fell due`)
  return ms
}

/** Delays that end in one millisecond: how long appending takes, and then that all are ready, in ms of processor time. */
function atOnce(count: number): readonly [appending: number, ready: number] {
  let queue: QueueCore | null = null
  const appending = cpuMs(() => {
    queue = filled(count, () => 86_400_000, null)
  })
  let next = 0
  const ready = cpuMs(() => {
    for (let most = count; next < count && most > 0; most--) {
      const { count: due, offsets } = (queue as unknown as QueueCore).due(86_400_000)
      for (let at = 0; at < due; at++) if (offsets[at] !== next++) fails(`message ${offsets[at]} before ${next - 1}`)
    }
  })
  if ((queue as unknown as QueueCore).counters().ready !== count) fails('not all are ready')
  return [appending, ready]
}

if (Number(options.living) > 0) living(Number(options.living))
const rounds = Array.from({ length: Number(options.rounds) }, () => oneByOne(Number(options.delays)))
console.log(`${options.delays} due within a second: ${told(rounds)} ms of processor time`)
const pairs = Array.from({ length: Number(options.rounds) }, () => atOnce(Number(options['at-once'])))
const shares = pairs.map(([appending, ready]) => ready / appending)
console.log(`${options['at-once']} due at once: appended in ${told(pairs.map(([appending]) => appending))} ms`)
console.log(`  ready in ${told(pairs.map(([, ready]) => ready))} ms, ${told(shares)} times as much`)
if (
  quantile(
    [...shares].sort((a, b) => a - b),
    0.5,
  ) > READY_SHARE_MAX
)
  fails('they are ready too late')
