/**
 * What a queue's core costs: bytes of waiting messages, and the processor time of a hand-out and its ack. After a build:
 *
 *   node --expose-gc dist/runtime/proof/stress/queue-cost.js [--waiting N] [--messages M] [--rounds R]
 *
 *   --waiting   messages that wait while bytes are counted; default 10000000
 *   --messages  handed out and acked in each round; default 1000000
 *   --rounds    of each kind, taking turns; default 5
 *
 * Bytes are what arrays and heap have grown by. Times are `process.cpuUsage`, medians with the lowest and the highest.
 */
import { parseArgs } from 'node:util'
import { QueueCore } from '../../queue/queue-core.ts'
import { PLAIN_LOG, PLAIN_POLICY, prioritiesOnly } from '../../queue/queue-plan.fixture.ts'
import type { QueuePolicy } from '../../queue/queue-words.ts'
import { quantile } from './within.fixture.ts'

const { values: options } = parseArgs({
  options: {
    waiting: { type: 'string', default: '10000000' },
    messages: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
  },
})
const APPEND = 1_000
const PREFETCH = 1_000

const policyOf = (priorities: number, keys: number): QueuePolicy => ({
  ...PLAIN_POLICY,
  priorities,
  attempts: 5,
  backoff: { initialMs: 100, maxMs: 60_000, jitter: 0.5 },
  keyConcurrency: keys === 0 ? Number.POSITIVE_INFINITY : 1,
  heldMax: 10_000,
})

/** A queue with so many waiting messages of mixed priorities, 100 bytes each; with `keys` one of each key may be out. */
function filled(messages: number, priorities: number, keys = 0): QueueCore {
  const log = {
    ...PLAIN_LOG,
    bytesOf: () => 100,
    priorityOf: (offset: number) => (offset * 7919) % priorities,
    // Hashes all over, as those of real keys.
    keyOf: (offset: number) => (keys === 0 ? 0 : (Math.imul(offset % keys, 0x9e3779b1) >>> 0) + 1),
  }
  const queue = QueueCore.create(policyOf(priorities, keys), log)
  const given = new Uint8Array(APPEND)
  const sizes = new Uint32Array(APPEND).fill(100)
  for (let from = 0; from < messages; from += APPEND) {
    for (let index = 0; index < APPEND; index++) given[index] = log.priorityOf(from + index)
    const { taken, takenBytes } = queue.admit(sizes, null)
    queue.appended(taken, takenBytes, priorities === 1 ? null : prioritiesOnly(given))
  }
  return queue
}

function usedBytes(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function cpuNs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1_000
}

/** ns for each message that is handed out to one of `consumers` and acked; in another order: the newest first. */
function drain(messages: number, priorities: number, consumers: number, newestFirst: boolean, keys = 0): number {
  const queue = filled(messages, priorities, keys)
  const terms = { priority: 0, prefetchBytes: Number.POSITIVE_INFINITY, ackTimeoutMs: Number.POSITIVE_INFINITY }
  for (let number = 0; number < consumers; number++) queue.attach(number, { ...terms, prefetch: PREFETCH / consumers })
  const [who, slots, tags] = [new Int32Array(PREFETCH), new Int32Array(PREFETCH), new Int32Array(PREFETCH)]
  return (
    cpuNs(() => {
      for (;;) {
        let out = 0
        for (let handOut = queue.take(0); handOut !== null; handOut = queue.take(0)) {
          who[out] = handOut.consumer
          slots[out] = handOut.slot
          tags[out++] = handOut.tag
        }
        if (out === 0) return
        for (let index = 0; index < out; index++) {
          const place = newestFirst ? out - 1 - index : index
          queue.ack(who[place] as number, slots[place] as number, tags[place] as number)
        }
      }
    }) / messages
  )
}

for (const priorities of [1, 3, 32]) {
  const before = usedBytes()
  const queue = filled(Number(options.waiting), priorities)
  const bytes = usedBytes() - before
  console.log(
    `${options.waiting} waiting, ${priorities} priorities: ${bytes} bytes (${queue.counters().ready} ready), ` +
      `${(bytes / Number(options.waiting)).toFixed(3)} a message`,
  )
}

function tellOfKeys(keys: number): void {
  const waiting = Number(options.waiting)
  const before = usedBytes()
  const queue = filled(waiting, 1, keys)
  const bytes = usedBytes() - before
  const rss = Math.round(process.memoryUsage().rss / 1e6)
  console.log(
    `${waiting} waiting, ${keys} keys: ${bytes} bytes (${queue.counters().ready} ready), ` +
      `${(bytes / waiting).toFixed(3)} a message; the process has ${rss} MB`,
  )
}
for (const keys of [10_000, 1_000_000]) tellOfKeys(keys)

/** What the machine is worth at the moment: reading the clock. */
function clockReads(count: number): number {
  let sum = 0
  return (
    cpuNs(() => {
      for (let read = 0; read < count; read++) sum += performance.now()
    }) / Math.max(count, Math.min(sum, 0))
  )
}

const kinds: Readonly<Record<string, () => number>> = {
  'performance.now, for comparison': () => clockReads(Number(options.messages)),
  'take and ack, 1 priority, 1 consumer': () => drain(Number(options.messages), 1, 1, false),
  'take and ack, 1 priority, 1 consumer, newest acked first': () => drain(Number(options.messages), 1, 1, true),
  'take and ack, 1 priority, 2 consumers': () => drain(Number(options.messages), 1, 2, false),
  'take and ack, 3 priorities, 1 consumer': () => drain(Number(options.messages), 3, 1, false),
  'take and ack, 1 of each of 10,000 keys at a time, 1 consumer': () =>
    drain(Number(options.messages), 1, 1, false, 10_000),
  'take and ack, 1 of each of 1,000,000 keys at a time, 1 consumer': () =>
    drain(Number(options.messages), 1, 1, false, 1_000_000),
  'take and ack, 32 priorities, 4 consumers': () => drain(Number(options.messages), 32, 4, false),
}
const times = new Map<string, number[]>()
for (let round = 0; round < Number(options.rounds); round++)
  for (const [kind, measure] of Object.entries(kinds)) {
    const found = times.get(kind) ?? []
    times.set(kind, found)
    found.push(measure())
  }
for (const [kind, found] of times) {
  found.sort((a, b) => a - b)
  const [median, low, high] = [quantile(found, 0.5), found[0], found.at(-1)].map(ns => (ns ?? 0).toFixed(0))
  console.log(`${kind}: ${median} ns (${low}-${high})`)
}
