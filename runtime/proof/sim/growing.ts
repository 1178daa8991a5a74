/**
 * A simulation's application gives topics more partitions while they are used, and says what the next process finds of that.
 *
 * The simulated main thread, through the public API only. What was answered must be there; what was asked for when the process ended
 * may be, all of it or nothing.
 */

import type { Broker } from '../../words/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Topic } from '../../words/topic.ts'
import type { Lab, Value } from './lab.ts'
import { sleep } from './producers.ts'

/** Of a topic: a seed has no more memory, and is to have many records in each. */
const PARTITIONS_MAX = 7

/** How many partitions a topic has, and may have. */
export interface Counted {
  readonly sure: number
  readonly asked: readonly number[]
}

export interface GrowingUpcalls {
  isProducing(): boolean
  failed(error: unknown, what: string): void
  problem(what: string): void
}

export class Growing {
  readonly #lab: Lab
  readonly #around: GrowingUpcalls
  /** By topic, in all processes. */
  readonly #counts: Map<string, Counted>

  constructor(lab: Lab, counts: Map<string, Counted>, around: GrowingUpcalls) {
    this.#lab = lab
    this.#counts = counts
    this.#around = around
  }

  /** How many partitions the topic is to be opened with: what there are, or what was planned. */
  async countOf(broker: Broker, name: string, planned: number): Promise<number> {
    const there = (await broker.topics()).find(topic => topic.name === name)?.partitions
    const known = this.#counts.get(name)
    if (there === undefined || known === undefined) {
      this.#counts.set(name, { sure: planned, asked: [] })
      return there ?? planned
    }
    if (there !== known.sure && !known.asked.includes(there))
      this.#around.problem(
        `U1: topic ${name} has ${there} partitions; it had ${known.sure}, or was to have ${known.asked.join(' or ')}`,
      )
    this.#has(name, known.sure, there)
    return there
  }

  #has(topic: string, from: number, to: number): void {
    this.#counts.set(topic, { sure: to, asked: [] })
    if (from !== to) this.#lab.record({ kind: 'grown', topic, from })
  }

  /** Gives some of these topics some more, now and then. */
  async grow(topics: readonly Topic<Value>[]): Promise<void> {
    const { chance } = this.#lab.scheduler
    while (this.#around.isProducing()) {
      await sleep(chance.below(chance.pick([50, 400])))
      const topic = chance.pick(topics)
      const before = topic.partitions
      if (before < PARTITIONS_MAX) await this.#some(topic, before, chance.between(1, PARTITIONS_MAX - before))
      await sleep(chance.below(800))
    }
  }

  async #some(topic: Topic<Value>, before: number, count: number): Promise<void> {
    const { name } = topic
    // Of what a disk has failed to keep nobody knows whether it is there.
    const known = this.#counts.get(name)?.asked ?? []
    this.#counts.set(name, { sure: before, asked: [...known, before + count] })
    try {
      const now = await topic.addPartitions(count)
      this.#lab.saw('morePartitions')
      if (now !== before + count || topic.partitions !== now)
        this.#around.problem(`topic ${name} had ${before} partitions, was given ${count}, and has ${topic.partitions}`)
      this.#has(name, before, now)
    } catch (error) {
      if (topic.partitions !== before) this.#around.problem(`topic ${name} has grown by what has failed`)
      if (isMillraceError(error, 'MILL_MEMORY')) this.#counts.set(name, { sure: before, asked: known })
      else this.#around.failed(error, `adding ${count} partitions to ${name}`)
    }
  }
}
