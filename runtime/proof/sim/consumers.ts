/**
 * Consumers of a simulation that settle by themselves: loops over `consume`, and subscriptions of `observe`.
 *
 * The simulated main thread, through the public API only. What ends one of them is told, and judged elsewhere.
 */

import type { Observable } from 'rxjs'
import type { ManualDelivery } from '../../words/delivery.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { ManualQueueDelivery } from '../../words/queue-delivery.ts'
import { type Lab, letterOf, type Value } from './lab.ts'
import type { GroupKind } from './plan.ts'
import { sleep } from './producers.ts'

/** How a delivery is settled. */
type How = 'handled' | 'failed' | 'rejected' | 'released'

/** Share of the settlements of which it is asked whether they are durable. */
const CONFIRMED_SHARE = 0.25

/** Whoever consumes for a group now, however it does so. */
export interface Consuming {
  stop(): Promise<unknown>
  pause?(): Promise<void>
  resume?(): Promise<void>
  idle?(): Promise<void>
}

/** A group or a queue, as those see it who settle by themselves. */
export interface Consumable {
  consume(options: object): AsyncIterable<ManualDelivery<Value>>
  observe(options: object): Observable<ManualDelivery<Value>>
}

export interface ManualPlan {
  readonly name: string
  readonly kind: GroupKind
  readonly window: number
  /** Share of what is handed back. */
  readonly releaseShare?: number
  /** Time from a delivery to its settlement, of queues. */
  readonly ackTimeoutMs?: number
}

export interface ConsumerUpcalls<P extends ManualPlan> {
  /** Whether deliveries are settled a second time, now and then. */
  readonly twice: boolean
  problem(what: string): void
  /** One has ended by an error. */
  ended(plan: P, consuming: Consuming, error: unknown): void
}

export class ManualConsumers<P extends ManualPlan> {
  readonly #lab: Lab
  readonly #upcalls: ConsumerUpcalls<P>
  /** By what it is: how each that has not left says that it leaves. */
  readonly #here = new Map<object, () => void>()
  #areAllLeaving = false

  constructor(lab: Lab, upcalls: ConsumerUpcalls<P>) {
    this.#lab = lab
    this.#upcalls = upcalls
  }

  start(group: Consumable, plan: P, options: object): Consuming {
    return plan.kind === 'consume' ? this.#consume(group, plan, options) : this.#observe(group, plan, options)
  }

  /** The broker is to be closed: that takes from each what it has, also what it is given until then. */
  leaveAll(): void {
    this.#areAllLeaving = true
    for (const leave of this.#here.values()) leave()
  }

  /** One has come; it leaves by what comes back. */
  #comes(plan: P, consumer: ReturnType<Lab['consumer']>): () => void {
    const leave = (): void => this.#lab.record({ kind: 'leaving', group: plan.name, consumer: consumer.name })
    this.#here.set(consumer, leave)
    if (this.#areAllLeaving) leave()
    return leave
  }

  #left(plan: P, consumer: ReturnType<Lab['consumer']>): void {
    this.#here.delete(consumer)
    this.#lab.record({ kind: 'stopped', group: plan.name, consumer: consumer.name })
  }

  /** What a consumer that settles by itself does with a delivery. */
  async #settle(delivery: ManualDelivery<Value>, plan: P, name: ReturnType<Lab['consumer']>): Promise<void> {
    const lab = this.#lab
    const { chance } = lab.scheduler
    lab.delivered(name, plan.name, delivery)
    lab.whenOverdue(delivery, name, plan.name)
    const letter = letterOf(delivery)
    const { ackTimeoutMs = Number.POSITIVE_INFINITY, releaseShare = 0.03 } = plan
    const isLate = ackTimeoutMs < Number.POSITIVE_INFINITY && (letter === 'L' || letter === 'n')
    if (isLate) await sleep(ackTimeoutMs + chance.between(-10, 40))
    else if (letter === 'K' || letter === 'L') await sleep(chance.between(1, 20))
    // Its partition may have moved on in the meantime, or its time is over.
    const isOfQueue = plan.ackTimeoutMs !== undefined
    if (delivery.settled) {
      if (isOfQueue) this.#mustBeRefused(delivery)
      return
    }
    try {
      const how = this.#settleNow(delivery, plan, name, releaseShare)
      if (isOfQueue && chance.happens(CONFIRMED_SHARE))
        this.#awaitConfirmed(delivery as ManualQueueDelivery<Value>, name.name, how)
    } catch (error) {
      // Whoever has left a queue has nothing any more.
      if (!isOfQueue || !isMillraceError(error, 'MILL_CLOSED')) throw error
      return
    }
    if (!this.#upcalls.twice || !chance.happens(0.2)) return
    lab.saw('doubleSettle')
    this.#mustBeRefused(delivery)
  }

  #settleNow(delivery: ManualDelivery<Value>, plan: P, name: ReturnType<Lab['consumer']>, releaseShare: number): How {
    const lab = this.#lab
    const { chance } = lab.scheduler
    const letter = letterOf(delivery)
    if (chance.happens(releaseShare)) {
      lab.settled(name, plan.name, delivery, 'released')
      delivery.release()
      return 'released'
    }
    if ('kKbL'.includes(letter)) {
      lab.settled(name, plan.name, delivery, 'handled')
      delivery.ack()
      return 'handled'
    }
    if (letter === 'x') {
      lab.settled(name, plan.name, delivery, 'rejected')
      lab.saw('rejectError')
      delivery.reject(new Error('refused'))
      return 'rejected'
    }
    lab.settled(name, plan.name, delivery, 'failed')
    delivery.nack(new Error('nacked'))
    return 'failed'
  }

  /** Whoever asks is told when the settlement is durable, or not at all. */
  #awaitConfirmed(delivery: ManualQueueDelivery<Value>, consumer: string, how: How): void {
    const { topic, partition, offset } = delivery
    delivery.confirmed.then(
      () => this.#lab.record({ kind: 'confirmed', consumer, how, topic, partition, offset }),
      () => undefined,
    )
  }

  /** It is settled, or lost to its consumer. */
  #mustBeRefused(delivery: ManualDelivery<Value>): void {
    try {
      delivery.ack()
      this.#upcalls.problem('a delivery was settled twice')
    } catch (error) {
      if (!isMillraceError(error, 'MILL_SETTLED') && !isMillraceError(error, 'MILL_CLOSED')) throw error
    }
  }

  #consume(group: Consumable, plan: P, options: object): Consuming {
    const lab = this.#lab
    const ended = new AbortController()
    let leave = (): void => {}
    const loop = async (): Promise<void> => {
      const name = lab.consumer(plan.name, 0, plan.ackTimeoutMs)
      leave = this.#comes(plan, name)
      for await (const delivery of group.consume({ ...options, signal: ended.signal })) {
        await this.#settle(delivery, plan, name)
        if (!lab.scheduler.chance.happens(0.01)) continue
        leave()
        break
      }
      this.#left(plan, name)
    }
    const consuming: Consuming = {
      async stop() {
        leave()
        ended.abort()
        await looping
      },
    }
    const looping = (async () => {
      while (!ended.signal.aborted) await loop()
    })().catch((error: unknown) => {
      if (!ended.signal.aborted) this.#upcalls.ended(plan, consuming, error)
    })
    return consuming
  }

  #observe(group: Consumable, plan: P, options: object): Consuming {
    const lab = this.#lab
    const name = lab.consumer(plan.name, 0, plan.ackTimeoutMs)
    const subscription = group.observe({ ...options, window: plan.window }).subscribe({
      next: delivery => void this.#settle(delivery, plan, name),
      error: (error: unknown) => this.#upcalls.ended(plan, consuming, error),
    })
    const leave = this.#comes(plan, name)
    const consuming: Consuming = {
      stop: async () => {
        leave()
        subscription.unsubscribe()
        // It leaves by and by: until it has, what it settles counts.
        await sleep(100)
        this.#left(plan, name)
      },
    }
    return consuming
  }
}
