/**
 * A flash sale: orders come fifty times as fast at once, to queues of each `onFull`, with handlers that keep up and handlers that do not.
 *
 * Main thread; the handlers have a thread each. All queues run beside each other. A sender has so many sends
 * in flight, as an HTTP server has requests. Where a queue of `wait` is full its sender slows to the pace of the handlers. Judged: no queue is ever longer than it may be, memory is
 * flat, each message is accounted for, and each sender met what its `onFull` says.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueRun } from '../../words/queue-run.ts'
import { MemoryWatch } from './memory-growth.fixture.ts'
import type { TimedData } from './timed-handler.fixture.ts'

export const MODES = ['wait', 'reject', 'dropHead'] as const
type Mode = (typeof MODES)[number]

const BEFORE_PER_MINUTE = 1_000
const SALE_PER_MINUTE = 50_000
/** The sale begins after this part of the time. */
const SALE_AT = 0.1
const FAST_MS = 0.1
const SLOW_MS = 20
/** Of queues whose handlers keep up, but for a second or so in which a busy machine runs others. */
const FAST_MESSAGES_MAX = 1_000
const STEP_MS = 5
/** Requests that one process answers at a time. */
const IN_FLIGHT = 32
const LOOK_MS = 100
/** By as much memory may differ between half of the time and the end. */
const MEMORY_FACTOR = 1.1
/** In less time the growth of memory says nothing. */
const MEMORY_SECONDS_MIN = 10
/** A sender that is not held up begins so much of what the one beside it begins, whose handler keeps up. */
const NOT_HELD_UP = 0.8

export interface SaleOptions {
  readonly seconds: number
  /** Of queues whose handlers do not keep up. */
  readonly maxMessages: number
}

interface Stall {
  readonly mode: Mode
  readonly maxMessages: number
  readonly queue: Queue<number>
  readonly run: QueueRun<unknown>
  /** Orders that have come. */
  offered: number
  sent: number
  refused: number
  longest: number
}

export interface SaleReport {
  readonly problems: readonly string[]
  readonly lines: readonly string[]
}

async function open(broker: Broker, mode: Mode, handlerMs: number, maxMessages: number): Promise<Stall> {
  const options = { maxMessages, onFull: mode, maxBytes: 4 * 1_048_576, deadLetter: false, attempts: 3 } as const
  const queue = await broker.queue<number>(`orders.${mode}.${handlerMs}`, options)
  const data: TimedData = { handlerMs }
  const handler = new URL('./timed-handler.fixture.js', import.meta.url)
  const run = await queue.run({ handler, threads: 1, data })
  return { mode, maxMessages, queue, run, offered: 0, sent: 0, refused: 0, longest: 0 }
}

function offeredBy(ms: number, allMs: number): number {
  const before = Math.min(ms, allMs * SALE_AT)
  return Math.floor((before * BEFORE_PER_MINUTE + (ms - before) * SALE_PER_MINUTE) / 60_000)
}

/** Sends what has come, at most IN_FLIGHT at a time: what comes while they wait waits behind them. */
async function sell(stall: Stall, allMs: number): Promise<void> {
  const since = performance.now()
  const inFlight = new Set<Promise<void>>()
  let begun = 0
  for (let ms = 0; ms < allMs; ms = performance.now() - since) {
    stall.offered = offeredBy(ms, allMs)
    while (begun < stall.offered && inFlight.size < IN_FLIGHT) {
      const one = send(stall, begun++).finally(() => inFlight.delete(one))
      inFlight.add(one)
    }
    await sleep(STEP_MS)
  }
  await Promise.all(inFlight)
}

async function send(stall: Stall, value: number): Promise<void> {
  try {
    await stall.queue.send({ value })
    stall.sent++
  } catch (error) {
    if (!isMillraceError(error, 'MILL_FULL')) throw error
    stall.refused++
  }
}

async function lengthOf({ queue }: Stall): Promise<number> {
  const { ready, unacked, retrying } = await queue.stats()
  return ready + unacked + retrying
}

/** `fast`: of the same mode, with a handler that keeps up; by its sender one sees what the machine can do. */
async function judge(stall: Stall, fast: Stall): Promise<string[]> {
  const { mode, maxMessages, queue, run, sent, refused, longest } = stall
  const problems: string[] = []
  const expect = (holds: boolean, what: string): void => {
    if (!holds) problems.push(`${queue.name}: ${what}`)
  }
  const atEnd = await queue.stats()
  expect(longest <= maxMessages, `${longest} messages, and ${maxMessages} are allowed`)
  expect(atEnd.accepted === sent, `${sent} were sent, and ${atEnd.accepted} accepted`)
  await run.idle()
  const { acked, dropped, accepted } = await queue.stats()
  expect(acked + dropped === accepted, `${accepted} were accepted, ${acked} acked and ${dropped} dropped`)
  await run.stop()
  if (stall === fast) {
    expect(refused + dropped === 0, `it keeps up, and ${refused} were refused and ${dropped} dropped`)
    expect(longest < maxMessages, 'it keeps up, and it was full')
    return problems
  }
  // A look may come just when one was handled: what was turned away says it as well.
  expect(longest === maxMessages || refused + dropped > 0, `it was never full: at most ${longest}`)
  if (mode === 'wait') {
    expect(sent <= fast.sent / 2, `the sender did not slow down: ${sent}, and ${fast.sent} where handlers keep up`)
    expect(refused + dropped === 0, `${refused} were refused, and ${dropped} dropped`)
  } else
    expect(sent + refused >= fast.sent * NOT_HELD_UP, `the sender was held up: ${sent} and ${refused} of ${fast.sent}`)
  if (mode === 'reject') expect(refused > 0 && dropped === 0, `${refused} refused, ${dropped} dropped`)
  if (mode === 'dropHead') expect(dropped > 0 && refused === 0, `${dropped} dropped, ${refused} refused`)
  return problems
}

export async function flashSale({ seconds, maxMessages }: SaleOptions): Promise<SaleReport> {
  const broker = await openBroker({ logger: false })
  const problems: string[] = []
  try {
    const stalls: Stall[] = []
    for (const mode of MODES)
      stalls.push(await open(broker, mode, FAST_MS, FAST_MESSAGES_MAX), await open(broker, mode, SLOW_MS, maxMessages))
    let isOver = false
    const watch = new MemoryWatch(seconds)
    const watching = async (): Promise<void> => {
      while (!isOver) {
        for (const stall of stalls) stall.longest = Math.max(stall.longest, await lengthOf(stall))
        watch.look()
        await sleep(LOOK_MS)
      }
    }
    const watched = watching()
    await Promise.all(stalls.map(stall => sell(stall, seconds * 1_000)))
    isOver = true
    await watched
    const fastOf = (mode: Mode): Stall => stalls.find(stall => stall.mode === mode) as Stall
    for (const stall of stalls) problems.push(...(await judge(stall, fastOf(stall.mode))))
    const growth = watch.factor()
    if (growth.times > MEMORY_FACTOR && seconds >= MEMORY_SECONDS_MIN) problems.push(`memory grows: ${growth.text}`)
    const lines = stalls.map(
      ({ queue, offered, sent, refused, longest }) =>
        `${queue.name}: ${offered} came, ${sent} sent, ${refused} refused, at most ${longest} at a time`,
    )
    return { problems, lines: [...lines, `memory: ${growth.text}`] }
  } finally {
    await broker.close({ timeoutMs: 10_000 })
  }
}
