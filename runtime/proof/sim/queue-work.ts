/**
 * What the application of a simulation does with its work queues: it opens them, sends, consumes, looks at them, and drains them.
 *
 * The simulated main thread, through the public API only. A process begins with empty queues where they are in memory, and otherwise with what
 * the one before has left.
 */
import { nowMs } from '../../../actors/world.ts'
import type { Broker } from '../../words/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Durability } from '../../words/message.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueStats } from '../../words/queue-stats.ts'
import type { Topic } from '../../words/topic.ts'
import type { QueueCounts } from '../history/history.ts'
import type { Audits } from './audits.ts'
import { fillLetters } from './filled-letters.ts'
import type { Lab, Value } from './lab.ts'
import { sleep } from './producers.ts'
import { QueueDeletion } from './queue-deletion.ts'
import { QueueMembers, type QueueUpcalls } from './queue-members.ts'
import { type QueuePlan, queueLettersOf } from './queue-plan.ts'
import { inQueueRound, send } from './queue-senders.ts'
import { updateWhile } from './queue-updating.ts'

/** A queue that has more to settle, and has settled and charged nothing for so long, hangs. */
const STILL_MS = 30_000
/** More than there are in a seed. */
const MAX_IDS = 4_000

interface Opened {
  readonly plan: QueuePlan
  queue: Queue<Value>
  readonly letters: Topic<Value> | null
  members: QueueMembers
  /** It is deleted, and not there again yet. */
  isGone: boolean
  /** Senders at work. */
  sending: Promise<unknown>
}

/** What all processes of a simulation know together. */
export interface QueueRounds {
  /** No message is sent twice. */
  queueRound: number
  /** By name. */
  readonly queueDurabilities: ReadonlyMap<string, Durability>
}

export interface QueueWorkUpcalls extends QueueUpcalls {
  broker(): Broker
}

export class QueueWork {
  readonly #plans: readonly QueuePlan[]
  readonly #lab: Lab
  readonly #twice: boolean
  readonly #rounds: QueueRounds
  readonly #around: QueueWorkUpcalls
  readonly #opened: Opened[] = []
  /** Readers of letters that come late. */
  readonly #late: Promise<void>[] = []

  constructor(plans: readonly QueuePlan[], lab: Lab, twice: boolean, rounds: QueueRounds, around: QueueWorkUpcalls) {
    this.#plans = plans
    this.#lab = lab
    this.#twice = twice
    this.#rounds = rounds
    this.#around = around
  }

  async open(audits: Audits, life: number, isProducing: () => boolean): Promise<void> {
    for (const plan of this.#plans) {
      const target = queueLettersOf(plan)
      const isFound = life > 0 && this.#durabilityOf(plan) !== 'memory'
      if (isFound && target !== null) await this.#noteLetters(target)
      const queue = await this.#openQueue(plan)
      const letters = target === null ? null : await this.#around.broker().topic<Value>(target)
      if (isFound) await this.#lookAgain(queue, letters, life, audits)
      // A dead-letter topic on disk is never full.
      if (letters !== null && plan.lettersWait && this.#durabilityOf(plan) === 'memory') {
        await fillLetters(audits, letters)
        this.#late.push(this.#auditLater(audits, letters, isProducing))
      } else if (letters !== null) await audits.read(letters)
      const members = this.#membersOf(plan, queue)
      this.#opened.push({ plan, queue, letters, members, isGone: false, sending: Promise.resolve() })
      await members.open()
    }
  }

  /** The dead letters in the folder, before the queue is open, whose messages may have expired. */
  async #noteLetters(target: string): Promise<void> {
    const broker = this.#around.broker()
    // The process before may have ended before it had made the topic.
    if (!(await broker.topics()).some(({ name }) => name === target)) return
    const letters = await broker.topic<Value>(target)
    for (const { partition, logStartOffset: start, highWatermark: end } of (await letters.stats()).partitions)
      this.#lab.record({ kind: 'reopened', topic: target, partition, start, end })
  }

  /** What is in the folder of a queue, before anybody consumes from it. */
  async #lookAgain(queue: Queue<Value>, letters: Topic<Value> | null, life: number, audits: Audits): Promise<void> {
    const { accepted } = await queue.stats()
    this.#lab.record({ kind: 'reopened', topic: queue.name, partition: 0, start: 0, end: accepted })
    if (letters !== null) await audits.again(letters, life)
  }

  #durabilityOf({ name }: QueuePlan): Durability {
    return this.#rounds.queueDurabilities.get(name) ?? 'memory'
  }

  #openQueue(plan: QueuePlan): Promise<Queue<Value>> {
    const { name, priorities, maxMessages, maxMessageBytes, maxBytes, onFull, attempts, initialMs } = plan
    const { singleActive, keyConcurrency, keyOrder, rate, deadLetter, messageTtlMs, dedupeMs } = plan
    return this.#around.broker().queue<Value>(name, {
      durability: this.#durabilityOf(plan),
      priorities,
      maxMessages,
      maxMessageBytes,
      maxBytes,
      onFull,
      attempts,
      backoff: { initialMs, maxMs: 400 },
      deadLetter: deadLetter === 'own' ? undefined : (queueLettersOf(plan) ?? false),
      singleActive,
      dedupeMs,
      dedupeMaxIds: MAX_IDS,
      keyConcurrency,
      keyOrder,
      rate: rate ?? undefined,
      messageTtlMs,
    })
  }

  #membersOf(plan: QueuePlan, queue: Queue<Value>): QueueMembers {
    return new QueueMembers(plan, this.#lab, queue, this.#twice, this.#around)
  }

  /** Nobody reads these letters for a while, at the latest until nobody sends any more. */
  async #auditLater(audits: Audits, letters: Topic<Value>, isProducing: () => boolean): Promise<void> {
    const until = nowMs() + this.#lab.scheduler.chance.between(200, 2_500)
    while (isProducing() && nowMs() < until) await sleep(50)
    try {
      await audits.read(letters)
    } catch (error) {
      if (!this.#around.isOver() && !isMillraceError(error, 'MILL_CLOSED'))
        this.#around.failed(error, `reading ${letters.name}`)
    }
  }

  /** Everything that is done until nobody sends any more. */
  async go(isProducing: () => boolean): Promise<void> {
    await Promise.all(
      this.#opened.flatMap(opened => [
        this.#send(opened, isProducing),
        this.#operate(opened, isProducing),
        this.#sample(opened, isProducing),
        this.#update(opened, isProducing),
      ]),
    )
  }

  async #send(opened: Opened, isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    const { senders, onFull, messageTtlMs } = opened.plan
    const terms = { mayBeRefused: onFull !== 'wait', messageTtlMs, flushesRefused: 0 }
    do {
      while (opened.isGone && isProducing()) await sleep(10)
      if (opened.isGone) return
      const round = this.#rounds.queueRound++
      const { queue } = opened
      opened.sending = Promise.all(senders.map(sender => send(this.#lab, queue, inQueueRound(sender, round), terms)))
      await opened.sending
      await sleep(chance.below(400))
    } while (isProducing())
  }

  async #operate(opened: Opened, isProducing: () => boolean): Promise<void> {
    const operating = opened.members.operate(isProducing)
    if (!opened.plan.isDeleted) return operating
    const { chance } = this.#lab.scheduler
    await sleep(chance.between(10, 1_000))
    if (!isProducing()) return operating
    const { plan, queue, members } = opened
    const deletion = new QueueDeletion(this.#lab, queue, members, this.#around)
    // The name is used again when nobody sends to what had it.
    opened.isGone = true
    const isGone = await deletion.triesAmongConsumers()
    if (!isGone) await sleep(chance.below(100))
    if (!(await deletion.run())) return
    await opened.sending
    await sleep(chance.below(50))
    try {
      opened.queue = await this.#openQueue(plan)
      opened.members = this.#membersOf(plan, opened.queue)
      await opened.members.open()
    } catch (error) {
      if (!this.#around.isOver()) this.#around.failed(error, `opening ${plan.name} again`)
      return
    }
    opened.isGone = false
    await opened.members.operate(isProducing)
  }

  async #sample(opened: Opened, isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    while (isProducing()) {
      await sleep(chance.between(5, 120))
      if (!opened.isGone) await this.#look(opened, false)
    }
  }

  async #update(opened: Opened, isProducing: () => boolean): Promise<void> {
    const { isUpdated, priorities } = opened.plan
    if (isUpdated) await updateWhile(isProducing, this.#lab, () => opened.queue, priorities)
  }

  async #look(opened: Opened, isAtRest: boolean): Promise<void> {
    const { plan, queue } = opened
    const isOther = (): boolean => opened.isGone || opened.queue !== queue
    const stats = await queue.stats().catch((error: unknown) => {
      if (isMillraceError(error, 'MILL_TOPIC_DELETED') && isOther()) return null
      throw error
    })
    if (stats === null || isOther()) return
    const { waitsForDeadLetters } = stats
    this.#lab.record({ kind: 'counted', topic: plan.name, ...countsOf(stats), waitsForDeadLetters, isAtRest })
  }

  /** The broker is to be closed. */
  closes(): void {
    for (const { members } of this.#opened) members.closes()
  }

  /** Waits until everything is settled, for as long as the queue gets anywhere. */
  async drain(): Promise<void> {
    await Promise.all(this.#late)
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
  return [stats.ready + stats.unacked + stats.retrying + stats.scheduled, JSON.stringify(stats)]
}

async function lettersLagOf(letters: Topic<Value>): Promise<readonly [number, string]> {
  const { lag } = await letters.group('audit').stats()
  return [lag, `${lag} letters`]
}

function countsOf(stats: QueueStats): QueueCounts {
  const { accepted, ready, unacked, retrying, scheduled, acked, deadLettered, expired, dropped, consumers } = stats
  return { accepted, ready, unacked, retrying, scheduled, acked, deadLettered, expired, dropped, consumers }
}
