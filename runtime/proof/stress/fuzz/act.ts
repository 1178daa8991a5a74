/**
 * What the handlers of all programs do with a record: they write down that they have it, do what the record says, and write down
 * how that ended, before the broker hears of it.
 *
 * Any thread: that of the program, or a handler's own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HOSTILE } from '../../../delivery/fixtures/hostile.fixture.ts'
import type { Delivery } from '../../../words/delivery.ts'
import { RejectError } from '../../../words/errors.ts'
import type { HandlerContext } from '../../../words/handler.ts'
import type { Counted, HowDone } from './events.ts'
import { digestOf, jobOf, makesOutput, numberOf } from './jobs.ts'
import type { GroupPlan, Job } from './plan.ts'
import type { SelfKill } from './self-kill.ts'
import type { Sink } from './sink.ts'

const nap = new Int32Array(new SharedArrayBuffer(4))

/** What a handler's thread has to know; it can be sent to one. */
export interface SiteData {
  readonly history: string
  readonly member: string
  readonly life: number
  readonly group: Omit<GroupPlan, 'steps'>
  readonly kill: SelfKill | null
}

/** Values that fail a record when they are returned: all but the functions, which nobody looks at. */
const RETURNED = HOSTILE.filter((_, n) => n !== 1 && n !== 5)

export class Site {
  readonly #sink: Sink
  readonly #group: SiteData['group']
  readonly #life: number
  readonly member: string
  /** Called with each hand-out's number. */
  onHand: ((nth: number) => void) | null = null
  #hands = 0

  constructor(sink: Sink, { group, life }: Pick<SiteData, 'group' | 'life'>, member: string) {
    this.#sink = sink
    this.#group = group
    this.#life = life
    this.member = member
  }

  hand(delivery: Delivery, lost = false): Job {
    const { partition, offset, deliveryAttempt: attempt, failedAttempts: failed, value } = delivery
    const job = jobOf(value)
    const { name: group } = this.#group
    const digest = digestOf(delivery)
    this.#sink.add({
      e: 'hand',
      group,
      member: this.member,
      partition,
      offset,
      id: job.id,
      digest,
      attempt,
      failed,
      lost,
    })
    this.onHand?.(++this.#hands)
    return job
  }

  done({ partition, offset }: Pick<Delivery, 'partition' | 'offset'>, how: HowDone): void {
    this.#sink.add({ e: 'done', group: this.#group.name, member: this.member, partition, offset, how })
  }

  state(at: 'started' | 'restored' | 'ended', partition: number, counted: Counted): void {
    this.#sink.add({ e: 'state', at, group: this.#group.name, member: this.member, partition, ...counted })
  }

  did(what: string): void {
    this.#sink.add({ e: 'did', what })
  }

  /** Whether this hand-out of the record is to fail. */
  fails({ fate, times }: Job, { failedAttempts }: Pick<Delivery, 'failedAttempts'>): boolean {
    if (fate === 'fail' || fate === 'reject') return true
    return fate === 'flaky' && failedAttempts < Math.min(times, this.#group.attempts - 1 || 1)
  }

  /** Keeps the thread busy, or blocked, where the record says so and for the first time. */
  delay({ fate, ms }: Job, { deliveryAttempt }: Pick<Delivery, 'deliveryAttempt'>): void {
    if (fate === 'spin') spin(ms)
    if (fate !== 'stall' || !this.#group.stalls || deliveryAttempt > 1) return
    this.did('stall')
    Atomics.wait(nap, 0, 0, ms)
  }

  error({ fate, how, id }: Job): unknown {
    if (fate === 'reject') return new RejectError(`no use for ${id}`)
    if (how === 'throwHostile') {
      this.did('hostile throw')
      return HOSTILE[numberOf(id) % HOSTILE.length]?.()
    }
    return new Error(`not now: ${id}`)
  }

  /** The whole of a handler of one record. */
  handle(delivery: Delivery, context: HandlerContext | null, counts: Counted[] | null = null): unknown {
    const job = this.hand(delivery)
    this.delay(job, delivery)
    if (this.fails(job, delivery)) return this.#fail(job, delivery)
    if (job.fate === 'later' || this.by === 'context') return this.#later(job, delivery, context, counts)
    return this.#succeed(job, delivery, context, counts)
  }

  #fail(job: Job, delivery: Delivery): unknown {
    this.done(delivery, job.fate === 'reject' ? 'rejected' : 'failed')
    if (job.how === 'returnHostile' && job.fate !== 'reject') {
      this.did('hostile return')
      return RETURNED[numberOf(job.id) % RETURNED.length]?.()
    }
    if (job.how === 'reject') return Promise.reject(this.error(job))
    throw this.error(job)
  }

  async #later(
    job: Job,
    delivery: Delivery,
    context: HandlerContext | null,
    counts: Counted[] | null,
  ): Promise<unknown> {
    if (job.fate === 'later') await sleep(job.ms)
    if (this.by === 'context') await this.#publish(job, delivery, context)
    return this.#succeed(job, delivery, context, counts)
  }

  /** How what is made of records is published, if anything is. */
  get by(): GroupPlan['by'] | null {
    return this.#group.output === null ? null : this.#group.by
  }

  /** What is made of this record. */
  output(job: Job, { deliveryAttempt }: Pick<Delivery, 'deliveryAttempt'>): Job | undefined {
    if (this.#group.output === null || !makesOutput(job.id)) return undefined
    const id = `${job.id}>${this.#group.name}#${this.#life}.${deliveryAttempt}`
    return { id, fate: 'ok', ms: 0, times: 0, how: 'throw', pad: 'y'.repeat(Math.min(6_000, 4 * job.pad.length)) }
  }

  async publish(value: Job, { keyBytes: key }: Delivery, context: HandlerContext | null): Promise<void> {
    await context?.publish(this.#group.output as string, { key, value })
  }

  async #publish(job: Job, delivery: Delivery, context: HandlerContext | null): Promise<void> {
    const output = this.output(job, delivery)
    if (output !== undefined) await this.publish(output, delivery, context)
  }

  #succeed(job: Job, delivery: Delivery, context: HandlerContext | null, counts: Counted[] | null): unknown {
    const { partition, offset } = delivery
    const [before] = counts ?? []
    if (counts !== null && before !== undefined)
      counts[0] = { n: before.n + 1, sum: before.sum + numberOf(job.id), next: offset + 1 }
    // A promise that nobody waits for here; the broker does.
    if (this.by === 'unawaited') this.#publish(job, delivery, context).catch(() => undefined)
    this.done({ partition, offset }, 'ok')
    return this.by === 'return' ? this.output(job, delivery) : undefined
  }
}

function spin(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}
