/**
 * A queue under load whose consumers and partition host die again and again, in every way.
 *
 * Main thread. Four consumers are handler threads, which die of messages and are ended from outside; another is this thread, which acks,
 * nacks and releases by `observe` and never dies. Judged by queue-ledger-rules.fixture.ts, by the counts of the queue, and by what is still
 * held afterwards.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker, sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import type { Session } from '../../embedded/session.ts'
import type { SabotageAim } from '../../wire/control-calls.ts'
import { FAULT_POINT, type FaultPoint } from '../../wire/layout.ts'
import type { Broker } from '../../words/broker.ts'
import type { Queue } from '../../words/queue.ts'
import type { ManualQueueDelivery } from '../../words/queue-delivery.ts'
import type { QueueMessage } from '../../words/queue-message.ts'
import type { QueueRun } from '../../words/queue-run.ts'
import { openResources, settledCensus } from './kills.fixture.ts'
import { type DeathsHandlerData, isPoison } from './queue-deaths-handler.fixture.ts'
import { QueueLedger } from './queue-ledger.fixture.ts'
import { judgeQueue, type QueueLetter } from './queue-ledger-rules.fixture.ts'
import { within } from './within.fixture.ts'

const HANG_MS = 60_000
const ATTEMPTS = 4
const OFTEN = { intensity: 1_000_000, periodMs: 1_000 } as const
const LETTERS_BYTES = 16 * 1_048_576
const WINDOW = 4
const BATCH = 20
/** Messages that wait, at most: of each hundred some cost several threads. */
const WAITING_MAX = 400
const AIMS: readonly SabotageAim[] = ['any', 'executing', 'idle', 'starting']
/** Points of a host's work at which it is ended; `none`: anywhere. */
export const QUEUE_POINTS: readonly FaultPoint[] = [
  'none',
  'beforeCommit',
  'betweenWindowAndRing',
  'betweenRingAndReceipt',
  'betweenAckAndFree',
  'beforeDeliveries',
  'betweenMoveAndMark',
  'betweenIntentAndCount',
  'betweenDeadLetterAndVerdict',
]

export interface DeathsOptions {
  /** Deaths of consumers' threads and of the host after which it is enough. */
  readonly consumers: number
  readonly hosts: number
  readonly ms: number
  readonly threads: number
  /** Undefined: learnt. */
  readonly prefetch?: number
  readonly concurrency?: number
  readonly handlerTimeoutMs?: number
  /** Large messages let the window go round while some of its messages stay, so that these are moved. */
  readonly padBytes?: number
}

export interface DeathsReport {
  readonly problems: readonly string[]
  readonly consumers: number
  /** Of those, ended from outside. */
  readonly killed: number
  readonly hosts: number
  readonly points: Readonly<Record<string, number>>
  readonly sent: number
  readonly letters: number
  readonly unackedMost: number
  readonly seconds: number
}

class Round {
  readonly problems: string[] = []
  readonly points: Record<string, number> = {}
  readonly ledger = new QueueLedger()
  readonly #queue: Queue<number>
  readonly #session: Session
  readonly #options: DeathsOptions
  sent = 0
  consumers = 0
  killed = 0
  hosts = 0
  unackedMost = 0
  #outstanding = 0
  #waiting = 0
  #going = true

  constructor(broker: Broker, queue: Queue<number>, options: DeathsOptions) {
    this.#queue = queue
    this.#session = sessions.get(broker) as Session
    this.#options = options
    broker.on('restarted', ({ kind }) => {
      if (kind === 'handler') this.consumers++
    })
  }

  start(): Promise<QueueRun> {
    const { threads, prefetch, concurrency, handlerTimeoutMs = 1_000 } = this.#options
    const data: DeathsHandlerData = { ledger: this.ledger.buffer, handlerTimeoutMs }
    const handler = new URL('./queue-deaths-handler.fixture.js', import.meta.url)
    return this.#queue.run({ handler, threads, prefetch, concurrency, handlerTimeoutMs, data, restart: OFTEN })
  }

  async run(run: QueueRun): Promise<void> {
    const { consumers, hosts, ms } = this.#options
    const until = performance.now() + ms
    const number = runNumbers.get(run) as number
    const work = [this.#send(), this.#watch(run), this.#killConsumers(number), this.#killHosts()]
    while (performance.now() < until && (this.consumers < consumers || this.hosts < hosts)) await sleep(20)
    this.#going = false
    await within(HANG_MS, 'the killers', Promise.all(work))
    const receipts = (async () => {
      while (this.#outstanding > 0) await sleep(5)
    })()
    await within(HANG_MS, `the last receipts`, receipts)
  }

  async #send(): Promise<void> {
    while (this.#going) {
      if (this.#outstanding + this.#waiting < WAITING_MAX) {
        const messages = Array.from({ length: BATCH }, () => this.#message())
        this.#settles(BATCH, this.#queue.sendBatch(messages))
        this.#settles(1, this.#queue.send(this.#message()))
      }
      await sleep(2)
    }
  }

  #message(): QueueMessage<number> {
    return { value: ++this.sent, headers: { pad: 'x'.repeat(this.#options.padBytes ?? 0) } }
  }

  #settles(count: number, receipt: Promise<unknown>): void {
    this.#outstanding += count
    receipt
      .catch((error: Error) => this.problems.push(`a send failed: ${error.message}`))
      .finally(() => {
        this.#outstanding -= count
      })
  }

  /** Never more unsettled than consumers may have. */
  async #watch(run: QueueRun): Promise<void> {
    const { threads, prefetch = Number.POSITIVE_INFINITY } = this.#options
    const most = threads * prefetch + WINDOW
    while (this.#going) {
      const { unacked, ready, retrying } = await run.stats()
      this.#waiting = ready + unacked + retrying
      this.unackedMost = Math.max(this.unackedMost, unacked)
      if (unacked > most) this.problems.push(`${unacked} messages are unacked, and ${most} are allowed`)
      await sleep(5)
    }
  }

  async #killConsumers(run: number): Promise<void> {
    for (let turn = 0; this.#going; turn++) {
      await sleep(20 + Math.random() * 200)
      const aim = AIMS[turn % AIMS.length] as SabotageAim
      const index = Math.floor(Math.random() * this.#options.threads)
      const killed = this.#session.ask(control => control.killHandler(run, index, aim))
      if ((await within(HANG_MS, `ending a consumer that is ${aim}`, killed)) !== null) this.killed++
    }
  }

  async #killHosts(): Promise<void> {
    for (let turn = Math.floor(Math.random() * QUEUE_POINTS.length); this.#going; turn++) {
      if (this.hosts >= this.#options.hosts) return
      await sleep(20 + Math.random() * 100)
      const point = QUEUE_POINTS[turn % QUEUE_POINTS.length] as FaultPoint
      const killed = this.#session.ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
      if (!(await within(HANG_MS, `ending the partition host at ${point}`, killed))) continue
      this.hosts++
      this.points[point] = (this.points[point] ?? 0) + 1
    }
  }

  /** A consumer that never dies, and settles each message by itself, after some ms. */
  observe(): () => void {
    const token = this.ledger.token()
    let held = 0
    const end = (delivery: ManualQueueDelivery<number>): void => {
      held--
      const { value } = delivery
      const chance = Math.random()
      const how = isPoison(value) || chance < 0.02 ? 'failed' : chance < 0.1 ? 'returned' : 'done'
      // In this order: it may be with another consumer as soon as it is settled.
      this.ledger.add(token, how, value)
      try {
        if (how === 'done') delivery.ack()
        else if (how === 'failed') delivery.nack(new Error('nacked on purpose'))
        else delivery.release()
      } catch (error) {
        this.problems.push(`the observer could not settle message ${value}: ${(error as Error).message}`)
      }
    }
    const subscription = this.#queue.observe({ window: WINDOW }).subscribe({
      next: delivery => {
        const { value, deliveryAttempt, failedAttempts } = delivery
        this.ledger.add(token, 'begun', value, deliveryAttempt, failedAttempts)
        if (++held > WINDOW) this.problems.push(`an observer has ${held}, and its window is ${WINDOW}`)
        setTimeout(end, Math.random() * 4, delivery)
      },
      error: (error: Error) => this.problems.push(`the observer failed: ${error.message}`),
    })
    return () => subscription.unsubscribe()
  }
}

async function lettersOf(broker: Broker, queue: Queue<number>): Promise<QueueLetter[]> {
  const letters: QueueLetter[] = []
  for await (const { value, reason, failedAttempts } of broker.deadLetters<number>(queue.name).browse())
    letters.push({ message: value, reason, failedAttempts })
  return letters
}

/** Accepted is acked and dead-lettered, and nothing else, and as many as there are. */
async function judgeCounts(queue: Queue<number>, sent: number, letters: number): Promise<string[]> {
  const stats = await queue.stats()
  const wanted = { accepted: sent, acked: sent - letters, deadLettered: letters, ready: 0, unacked: 0, retrying: 0 }
  return Object.entries(wanted).flatMap(([field, value]) => {
    const is = stats[field as keyof typeof wanted]
    return is === value ? [] : [`${field} is ${is}, and should be ${value}`]
  })
}

/** One broker, until so many consumers and hosts have died, or `ms` have passed. */
export async function runDeaths(options: DeathsOptions): Promise<DeathsReport> {
  const since = performance.now()
  const resources = openResources()
  const broker = await openBroker({ restart: OFTEN, logger: false })
  // With room for all: a letter that waits would keep its message.
  await broker.topic('dead', { windowBytes: LETTERS_BYTES })
  const queue = await broker.queue<number>('jobs', {
    attempts: ATTEMPTS,
    deadLetter: 'dead',
    backoff: { initialMs: 1, maxMs: 5 },
  })
  const round = new Round(broker, queue, options)
  const { problems } = round
  let letters: QueueLetter[] = []
  try {
    const session = sessions.get(broker) as Session
    const first = await round.start()
    await first.stop()
    const before = await settledCensus(session)
    const run = await within(HANG_MS, 'the start', round.start())
    const leave = round.observe()
    await round.run(run)
    await within(HANG_MS, 'idle', run.idle()).catch(async (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(await queue.stats())}`)
    })
    leave()
    await within(HANG_MS, 'the stop', run.stop())
    letters = await lettersOf(broker, queue)
    problems.push(...(await judgeCounts(queue, round.sent, letters.length)))
    problems.push(...judgeQueue(round.ledger, { sent: round.sent, attempts: ATTEMPTS, letters, isPoison }))
    const after = await settledCensus(session)
    for (const field of ['blocks', 'usedBytes', 'threads'] as const)
      if (after[field] > before[field]) problems.push(`${field} were ${before[field]}, and are ${after[field]}`)
  } catch (error) {
    problems.push((error as Error).stack ?? String(error))
  }
  await broker.close({ timeoutMs: 10_000 }).catch((error: Error) => problems.push(error.message))
  await sleep(50)
  if (openResources() > resources) problems.push(`${openResources()} handles are open, and ${resources} were`)
  problems.splice(10)
  const { consumers, killed, hosts, points, sent, unackedMost } = round
  const seconds = (performance.now() - since) / 1_000
  return { problems, consumers, killed, hosts, points, sent, letters: letters.length, unackedMost, seconds }
}
