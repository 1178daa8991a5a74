/**
 * How long a consumer with credit has nothing to do while a message waits that nobody has begun, be it in advance at another one.
 *
 * Main thread. The logs of two consumers are judged: a gap is from the end of a call to the begin of the next, or to the moment at which the
 * last message of the round was begun. In each gap at least one message waited: the one that ends it.
 */
import { openBroker } from '../../api/broker.ts'
import { type Call, callsOf, type IdleData, newLog } from './queue-idle-handler.fixture.ts'
import { clockMs, type Stall, StallSampler } from './stall-sampler.fixture.ts'

/** Shorter gaps are those between two messages that a consumer has. */
const GAP_MS_MIN = 1

export interface Gap {
  readonly ms: number
  /** For how much of it the machine stood in the way: threads waited for a processor, or one that sleeps a millisecond was woken late. */
  readonly stalledMs: number
}

interface Interval extends Stall {
  /** How long threads of this process waited for a processor meanwhile, added up. */
  readonly waitedMs: number
}

/** Gaps of one consumer in a round whose messages had been sent by `sentMs`, and of which `last` was begun last. */
function gapsOf(calls: readonly Call[], sentMs: number, last: Call): Interval[] {
  const gaps: Interval[] = []
  for (const [index, { endedMs, waitedAtEndMs }] of calls.entries()) {
    const next = calls[index + 1] ?? last
    const fromMs = Math.max(endedMs, sentMs)
    if (next.beganMs - fromMs >= GAP_MS_MIN)
      gaps.push({ fromMs, toMs: next.beganMs, waitedMs: Math.max(0, next.waitedAtBeginMs - waitedAtEndMs) })
  }
  return gaps
}

export interface IdleReport {
  readonly gaps: readonly Gap[]
  /** Messages that each consumer handled. */
  readonly shares: readonly number[]
}

/** Rounds of so many messages for handlers that take so long; in each round both have many in advance, until the fast one has none. */
export async function idleGaps(
  handlersMs: readonly number[],
  prefetch: number,
  { rounds, messages }: { readonly rounds: number; readonly messages: number },
): Promise<IdleReport> {
  const broker = await openBroker({ logger: false })
  const sampler = new StallSampler()
  try {
    const queue = await broker.queue<number>('jobs')
    const logs = handlersMs.map(() => newLog())
    const handler = new URL('./queue-idle-handler.fixture.js', import.meta.url)
    for (const [at, handlerMs] of handlersMs.entries()) {
      const data: IdleData = { handlerMs, log: logs[at] as SharedArrayBuffer }
      await queue.run({ handler, threads: 1, prefetch, data })
    }
    const gaps: Gap[] = []
    for (let round = 0; round < rounds; round++) {
      await queue.sendBatch(Array.from({ length: messages }, (_, at) => ({ value: round * messages + at })))
      const sentMs = clockMs()
      while ((await queue.stats()).acked < (round + 1) * messages) await new Promise(resolve => setTimeout(resolve, 5))
      const own = logs.map(log => callsOf(log).filter(({ message }) => message >= round * messages))
      const last = own.flat().reduce((one, other) => (one.beganMs > other.beganMs ? one : other))
      for (const gap of own.flatMap(calls => gapsOf(calls, sentMs, last)))
        gaps.push({ ms: gap.toMs - gap.fromMs, stalledMs: Math.max(gap.waitedMs, sampler.lateMs(gap)) })
    }
    return { gaps, shares: logs.map(log => callsOf(log).length) }
  } finally {
    await sampler.stop()
    await broker.close()
  }
}
