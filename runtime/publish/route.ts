/**
 * Routes: ways to choose the partition of a message, behind one type. Each says a partition, or passes a message that is not its.
 *
 * The publishing thread, once per message, without allocating. `partition-choice.ts` puts them in a row: the partition that a
 * message names, then its key or a function of the caller's, then one that is for all messages.
 */
import { MillraceError } from '../words/errors.ts'
import type { Key, Message } from '../words/message.ts'
import { show } from '../words/names.ts'
import { hashKey } from './key-hash.ts'

/** Said for a message that the route is not for. */
export const PASSED = -1

export interface Route {
  /**
   * The partition of a message, or `PASSED`. What it says is handed over as it was read, for each property is read once: `wanted`
   * is the partition that it names, `value` is encoded. `run`: records that may go to one partition in a row.
   *
   * @throws MillraceError MILL_OUT_OF_RANGE
   */
  of(
    wanted: number | undefined,
    key: Key | null,
    value: string | Uint8Array | null,
    message: Message,
    run: number,
  ): number
  /** So many partitions there are now, never fewer than before. */
  grown(partitions: number): void
}

/** Where the message says. */
export class ExplicitRoute implements Route {
  readonly #topic: string
  #partitions: number

  constructor(topic: string, partitions: number) {
    this.#topic = topic
    this.#partitions = partitions
  }

  grown(partitions: number): void {
    this.#partitions = partitions
  }

  of(wanted: number | undefined): number {
    if (wanted === undefined) return PASSED
    if (Number.isInteger(wanted) && wanted >= 0 && wanted < this.#partitions) return wanted
    throw new MillraceError(
      'MILL_OUT_OF_RANGE',
      `partition ${show(wanted)} of topic ${this.#topic} is not in 0 to ${this.#partitions - 1}`,
    )
  }
}

/** By the hash of the key. */
export class KeyRoute implements Route {
  #partitions: number

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  grown(partitions: number): void {
    this.#partitions = partitions
  }

  of(_wanted: number | undefined, key: Key | null): number {
    return key === null ? PASSED : (hashKey(key) & 0x7fffffff) % this.#partitions
  }
}

/** As a function of the caller's says. What it throws or returns wrongly refuses that message and changes nothing. */
export class FunctionRoute implements Route {
  readonly #topic: string
  readonly #choose: (key: Key | null, message: Message, partitions: number) => number
  #partitions: number

  constructor(
    topic: string,
    choose: (key: Key | null, message: Message, partitions: number) => number,
    partitions: number,
  ) {
    this.#topic = topic
    this.#choose = choose
    this.#partitions = partitions
  }

  grown(partitions: number): void {
    this.#partitions = partitions
  }

  of(_wanted: number | undefined, key: Key | null, _value: unknown, message: Message): number {
    const choose = this.#choose
    const partition = choose(key, message, this.#partitions)
    if (Number.isInteger(partition) && partition >= 0 && partition < this.#partitions) return partition
    throw new MillraceError(
      'MILL_OUT_OF_RANGE',
      `the partitioner of topic ${this.#topic} returned ${show(partition)}: it must return, and not promise, an integer from 0 to ${this.#partitions - 1}`,
    )
  }
}

/** One partition after the other, a record each. */
export class RoundRobinRoute implements Route {
  #partitions: number
  #next = 0

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  grown(partitions: number): void {
    this.#partitions = partitions
  }

  of(): number {
    const partition = this.#next
    this.#next = partition + 1 === this.#partitions ? 0 : partition + 1
    return partition
  }
}
