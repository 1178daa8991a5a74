/**
 * Many queues with default options in one broker: senders and consumers over all of them, and what they cost while nothing happens.
 *
 * Main thread. Judged: each message is handled once, all queues fit into the broker's memory, and what they had is given back when they are
 * deleted. Processor time is that of all threads of the process.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker, sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import type { Broker } from '../../words/broker.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueRun } from '../../words/queue-run.ts'

const LOOK_MS = 2_000
/** Rings that are larger than they need be are given back a few a second; after this nothing is waited for any more. */
const QUIET_MS_MAX = 120_000
/** Since the last message: what is over is put in order by then. V8 collects what the work has left within the half minute after that. */
const REST_MS = 10_000

export interface ManyOptions {
  readonly queues: number
  readonly senders: number
  readonly consumers: number
  readonly messages: number
  /** How long idle time is measured; 0: not. */
  readonly idleMs: number
}

export interface ManyReport {
  readonly problems: readonly string[]
  readonly openMs: number
  readonly usedMiB: number
  readonly rssMiB: number
  readonly cpuUsEach: number
  /** Share of a core, in percent, of all queues with their consumers. */
  readonly idlePercent: number
}

async function usedBytes(broker: Broker): Promise<number> {
  return (await (sessions.get(broker) as Session).ask(control => control.census())).usedBytes
}

function cpuUs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

/** Once nothing is given back any more. */
async function quiet(broker: Broker): Promise<void> {
  for (let waited = 0, before = -1; waited < QUIET_MS_MAX; waited += LOOK_MS) {
    const now = await usedBytes(broker)
    if (now === before) return
    before = now
    await sleep(LOOK_MS)
  }
}

/** `count` numbers, each queue in turn, beginning where the sender is. */
async function send(queues: readonly Queue<number>[], first: number, count: number, step: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const value = first + index * step
    await queues[value % queues.length]?.send({ value })
  }
}

export async function manyQueues(options: ManyOptions): Promise<ManyReport> {
  const { queues: count, senders, consumers, messages, idleMs } = options
  const problems: string[] = []
  const broker = await openBroker({ logger: false })
  try {
    const atFirst = await usedBytes(broker)
    const since = performance.now()
    const queues: Queue<number>[] = []
    for (let index = 0; index < count; index++) queues.push(await broker.queue<number>(`queue.${index}`))
    const openMs = performance.now() - since
    const handled = new Uint8Array(messages)
    const runs: QueueRun[] = []
    for (let index = 0; index < Math.max(count, consumers); index++)
      runs.push(
        await (queues[index % count] as Queue<number>).handle(({ value }) => {
          handled[value] = (handled[value] as number) + 1
        }),
      )
    const before = process.cpuUsage()
    const share = Math.floor(messages / senders)
    await Promise.all(Array.from({ length: senders }, (_, sender) => send(queues, sender, share, senders)))
    for (const run of runs) await run.idle()
    const lastMs = performance.now()
    const cpuUsEach = cpuUs(before) / (share * senders)
    const wrong = handled.subarray(0, share * senders).findIndex(times => times !== 1)
    if (wrong !== -1) problems.push(`message ${wrong} was handled ${handled[wrong]} times`)
    const usedMiB = (await usedBytes(broker)) / 2 ** 20
    const rssMiB = process.memoryUsage.rss() / 2 ** 20
    let idlePercent = 0
    if (idleMs > 0) {
      await quiet(broker)
      await sleep(Math.max(0, lastMs + REST_MS - performance.now()))
      const start = process.cpuUsage()
      await sleep(idleMs)
      idlePercent = cpuUs(start) / idleMs / 10
    }
    for (const run of runs) await run.stop()
    for (const queue of queues) await queue.delete()
    const left = await usedBytes(broker)
    if (left > atFirst + 4_096 * 16) problems.push(`${left} bytes are taken, and ${atFirst} were at first`)
    return { problems, openMs, usedMiB, rssMiB, cpuUsEach, idlePercent }
  } finally {
    await broker.close()
  }
}
