/**
 * Consumers of a simulation that settle by themselves: loops over `consume`, and subscriptions of `observe`.
 *
 * The simulated main thread, through the public API only. What ends one of them is told, and judged elsewhere.
 */

import type { ManualDelivery } from '../../words/delivery.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Group } from '../../words/group.ts'
import { type Lab, letterOf, type Value } from './lab.ts'
import type { GroupPlan } from './plan.ts'
import { sleep } from './producers.ts'

/** Whoever consumes for a group now, however it does so. */
export interface Consuming {
  stop(): Promise<unknown>
  pause?(): Promise<void>
  resume?(): Promise<void>
  idle?(): Promise<void>
}

export interface ConsumerUpcalls {
  /** Whether deliveries are settled a second time, now and then. */
  readonly twice: boolean
  problem(what: string): void
  /** One has ended by an error. */
  ended(plan: GroupPlan, consuming: Consuming, error: unknown): void
}

export class ManualConsumers {
  readonly #lab: Lab
  readonly #upcalls: ConsumerUpcalls

  constructor(lab: Lab, upcalls: ConsumerUpcalls) {
    this.#lab = lab
    this.#upcalls = upcalls
  }

  start(group: Group<Value>, plan: GroupPlan, options: object): Consuming {
    return plan.kind === 'consume' ? this.#consume(group, plan, options) : this.#observe(group, plan, options)
  }

  #leave(plan: GroupPlan, { name }: ReturnType<Lab['consumer']>): void {
    this.#lab.record({ kind: 'leaving', group: plan.name, consumer: name })
  }

  /** What a consumer that settles by itself does with a delivery. */
  async #settle(delivery: ManualDelivery<Value>, plan: GroupPlan, name: ReturnType<Lab['consumer']>): Promise<void> {
    const lab = this.#lab
    const { chance } = lab.scheduler
    lab.delivered(name, plan.name, delivery)
    const letter = letterOf(delivery)
    if (letter === 'K' || letter === 'L') await sleep(chance.between(1, 20))
    // Its partition may have moved on in the meantime.
    if (delivery.settled) return
    if (chance.happens(0.03)) {
      lab.settled(name, plan.name, delivery, 'released')
      delivery.release()
    } else if ('kKbL'.includes(letter)) {
      lab.settled(name, plan.name, delivery, 'handled')
      delivery.ack()
    } else if (letter === 'x') {
      lab.settled(name, plan.name, delivery, 'rejected')
      lab.saw('rejectError')
      delivery.reject(new Error('refused'))
    } else {
      lab.settled(name, plan.name, delivery, 'failed')
      delivery.nack(new Error('nacked'))
    }
    if (!this.#upcalls.twice || !chance.happens(0.2)) return
    lab.saw('doubleSettle')
    try {
      delivery.ack()
      this.#upcalls.problem('a delivery was settled twice')
    } catch (error) {
      if (!isMillraceError(error, 'MILL_SETTLED')) throw error
    }
  }

  #consume(group: Group<Value>, plan: GroupPlan, options: object): Consuming {
    const lab = this.#lab
    const ended = new AbortController()
    let leave = (): void => {}
    const loop = async (): Promise<void> => {
      const name = lab.consumer(plan.name, 0)
      leave = () => this.#leave(plan, name)
      for await (const delivery of group.consume({ ...options, signal: ended.signal })) {
        await this.#settle(delivery, plan, name)
        if (!lab.scheduler.chance.happens(0.01)) continue
        leave()
        break
      }
      lab.record({ kind: 'stopped', group: plan.name, consumer: name.name })
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

  #observe(group: Group<Value>, plan: GroupPlan, options: object): Consuming {
    const lab = this.#lab
    const name = lab.consumer(plan.name, 0)
    const subscription = group.observe({ ...options, window: plan.window }).subscribe({
      next: delivery => void this.#settle(delivery, plan, name),
      error: (error: unknown) => this.#upcalls.ended(plan, consuming, error),
    })
    const leave = (): void => this.#leave(plan, name)
    const consuming: Consuming = {
      async stop() {
        leave()
        subscription.unsubscribe()
        // It leaves by and by: until it has, what it settles counts.
        await sleep(100)
        lab.record({ kind: 'stopped', group: plan.name, consumer: name.name })
      },
    }
    return consuming
  }
}
