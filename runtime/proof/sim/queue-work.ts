/**
 * What the application of a simulation does with its work queues: it opens them, sends, consumes, looks at them, and drains them.
 *
 * The simulated main thread, through the public API only. A process begins with empty queues where they are in memory, and otherwise with what
 * the one before has left.
 */
import { nowMs } from '../../../actors/world.ts'
import type { Broker } from '../../words/broker.ts'
import type { Durability } from '../../words/message.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueStats } from '../../words/queue-stats.ts'
import type { Topic } from '../../words/topic.ts'
import type { QueueCounts } from '../history/history.ts'
import type { Audits } from './audits.ts'
import type { Lab, Value } from './lab.ts'
import { sleep } from './producers.ts'
import { QueueMembers, type QueueUpcalls } from './queue-members.ts'
import { type QueuePlan, queueLettersOf } from './queue-plan.ts'
import { inQueueRound, send } from './queue-senders.ts'

/** A queue that has more to settle, and has settled and charged nothing for so long, hangs. */
const STILL_MS = 30_000

interface Opened {
  readonly plan: QueuePlan
  readonly queue: Queue<Value>
  readonly letters: Topic<Value> | null
  readonly members: QueueMembers
}

/** What all processes of a simulation know together. */
export interface QueueRounds {
  /** No message is sent twice. */
  queueRound: number
  /** By name. */
  readonly queueDurabilities: ReadonlyMap<string, Durability>
}

export class QueueWork {
  readonly #plans: readonly QueuePlan[]
  readonly #lab: Lab
  readonly #twice: boolean
  readonly #rounds: QueueRounds
  readonly #around: QueueUpcalls
  readonly #opened: Opened[] = []

  constructor(plans: readonly QueuePlan[], lab: Lab, twice: boolean, rounds: QueueRounds, around: QueueUpcalls) {
    this.#plans = plans
    this.#lab = lab
    this.#twice = twice
    this.#rounds = rounds
    this.#around = around
  }

  async open(broker: Broker, life: number, audits: Audits): Promise<void> {
    for (const plan of this.#plans) {
      const { name, priorities, maxMessages, maxMessageBytes, maxBytes, onFull, attempts, initialMs } = plan
      const { singleActive, deadLetter } = plan
      const target = queueLettersOf(plan)
      const durability = this.#rounds.queueDurabilities.get(name) ?? 'memory'
      const queue = await broker.queue<Value>(name, {
        durability,
        priorities,
        maxMessages,
        maxMessageBytes,
        maxBytes,
        onFull,
        attempts,
        backoff: { initialMs, maxMs: 400 },
        deadLetter: deadLetter === 'own' ? undefined : (target ?? false),
        singleActive,
      })
      const letters = target === null ? null : await broker.topic<Value>(target)
      if (durability !== 'memory' && life > 0) await this.#lookAgain(queue, letters, life, audits)
      if (letters !== null) await audits.read(letters)
      const members = new QueueMembers(plan, this.#lab, queue, this.#twice, this.#around)
      this.#opened.push({ plan, queue, letters, members })
      await members.open()
    }
  }

  /** What is in the folder of a queue, before anybody consumes from it. */
  async #lookAgain(queue: Queue<Value>, letters: Topic<Value> | null, life: number, audits: Audits): Promise<void> {
    const { accepted } = await queue.stats()
    this.#lab.record({ kind: 'reopened', topic: queue.name, partition: 0, start: 0, end: accepted })
    if (letters === null) return
    for (const { partition, logStartOffset: start, highWatermark: end } of (await letters.stats()).partitions)
      this.#lab.record({ kind: 'reopened', topic: letters.name, partition, start, end })
    await audits.again(letters, life)
  }

  /** Everything that is done until nobody sends any more. */
  async go(isProducing: () => boolean): Promise<void> {
    await Promise.all(
      this.#opened.flatMap(opened => [
        this.#send(opened, isProducing),
        opened.members.operate(isProducing),
        this.#sample(opened, isProducing),
      ]),
    )
  }

  async #send({ plan, queue }: Opened, isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    do {
      const round = this.#rounds.queueRound++
      const mayBeRefused = plan.onFull !== 'wait'
      await Promise.all(plan.senders.map(sender => send(this.#lab, queue, inQueueRound(sender, round), mayBeRefused)))
      await sleep(chance.below(400))
    } while (isProducing())
  }

  async #sample(opened: Opened, isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    while (isProducing()) {
      await sleep(chance.between(5, 120))
      await this.#look(opened, false)
    }
  }

  async #look({ plan, queue }: Opened, isAtRest: boolean): Promise<void> {
    const counts: QueueCounts = countsOf(await queue.stats())
    this.#lab.record({ kind: 'counted', topic: plan.name, ...counts, isAtRest })
  }

  /** Waits until everything is settled, for as long as the queue gets anywhere. */
  async drain(): Promise<void> {
    for (const opened of this.#opened) {
      if (!(await this.#settlesAll(opened.plan.name, () => lagOf(opened.queue)))) return
      const { letters, members, plan } = opened
      await this.#look(opened, true)
      let isIdle = false
      members.idle().then(
        () => {
          isIdle = true
        },
        (error: unknown) => this.#around.failed(error, `idle of ${plan.name}`),
      )
      for (let waited = 0; !isIdle && waited < STILL_MS; waited += 100) await sleep(100)
      if (!isIdle) this.#around.problem(`A5: queue ${plan.name} is empty, and idle() does not resolve`)
      if (letters !== null) await this.#settlesAll(letters.name, () => lettersLagOf(letters))
    }
  }

  async #settlesAll(what: string, lagOf: () => Promise<readonly [lag: number, progress: string]>): Promise<boolean> {
    let last = ''
    let since = nowMs()
    for (;;) {
      const [lag, progress] = await lagOf()
      if (lag === 0) return true
      if (progress !== last) since = nowMs()
      else if (nowMs() - since > STILL_MS) {
        this.#around.problem(`A5: ${what} is not drained: ${progress}`)
        return false
      }
      last = progress
      await sleep(200)
    }
  }
}

async function lagOf(queue: Queue<Value>): Promise<readonly [number, string]> {
  const stats = await queue.stats()
  return [stats.ready + stats.unacked + stats.retrying, JSON.stringify(stats)]
}

async function lettersLagOf(letters: Topic<Value>): Promise<readonly [number, string]> {
  const { lag } = await letters.group('audit').stats()
  return [lag, `${lag} letters`]
}

function countsOf(stats: QueueStats): QueueCounts {
  const { accepted, ready, unacked, retrying, acked, deadLettered, dropped, consumers } = stats
  return { accepted, ready, unacked, retrying, acked, deadLettered, dropped, consumers }
}
