/**
 * Chooses the partition of each message that one producer takes: its routes, in a row.
 *
 * The producer's thread, once per message. A partitioner of the caller's is called where `publish` is, before anything of
 * the message is written.
 */
import { MillraceError } from '../words/errors.ts'
import type { Key, Message, Partitioner } from '../words/message.ts'
import { partitionOfKey } from './key-hash.ts'
import { ExplicitRoute, FunctionRoute, KeyRoute, PASSED, RoundRobinRoute } from './route.ts'
import { type PartitionLoad, RUN_RECORDS, StickyRoute } from './sticky-route.ts'

/** No partition yet (`ahead`). */
export const LATER: number = PASSED

/** Records of a batch that go to one partition in a row: so many that the batch reaches all, if it is large enough. */
export function runOf(messages: number, partitions: number): number {
  return Math.max(RUN_RECORDS, Math.ceil(messages / partitions))
}

export class PartitionChoice {
  readonly #topic: string
  readonly #loads: readonly PartitionLoad[]
  readonly #explicit: ExplicitRoute
  readonly #byKey: KeyRoute
  readonly #sticky: StickyRoute
  #keyed: KeyRoute | FunctionRoute
  #keyless: StickyRoute | RoundRobinRoute
  #partitioner: Partitioner = 'default'
  #isSettled = false

  /** `loads`: by partition; there may come to be more (`grown`). */
  constructor(topic: string, loads: readonly PartitionLoad[]) {
    this.#topic = topic
    this.#loads = loads
    this.#explicit = new ExplicitRoute(topic, loads.length)
    this.#byKey = new KeyRoute(loads.length)
    this.#keyed = this.#byKey
    this.#sticky = new StickyRoute(loads)
    this.#keyless = this.#sticky
  }

  /**
   * Settles the partitioner, once.
   *
   * @throws MillraceError MILL_CONFIG_MISMATCH when it is another one already
   */
  settle(partitioner: Partitioner): void {
    if (this.#isSettled && this.#partitioner !== partitioner)
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `topic ${this.#topic} is open with another partitioner; leave the option out, or name a partition in each message`,
      )
    if (this.#isSettled) return
    this.#partitioner = partitioner
    this.#isSettled = true
    const partitions = this.#loads.length
    if (typeof partitioner === 'function') this.#keyed = new FunctionRoute(this.#topic, partitioner, partitions)
    else if (partitioner === 'round-robin') this.#keyless = new RoundRobinRoute(partitions)
  }

  /** There are more partitions: from now on they are chosen as well. */
  grown(): void {
    for (const route of [this.#explicit, this.#keyed, this.#keyless]) route.grown(this.#loads.length)
  }

  /**
   * The partition of a message with this key and this encoded value; `run`: records without a key that may go to one in a row.
   *
   * @throws MillraceError MILL_OUT_OF_RANGE
   */
  of(
    wanted: number | undefined,
    key: Key | null,
    value: string | Uint8Array | null,
    message: Message,
    run: number,
  ): number {
    // What a route would pass is not asked of it: this is the path of every message.
    if (wanted !== undefined) return this.#explicit.of(wanted)
    if (key !== null || this.#keyed !== this.#byKey) return this.#keyed.of(wanted, key, value, message)
    return this.#keyless.of(wanted, key, value, message, run)
  }

  /** The same for a message of a batch before any of it is written; LATER: where it goes depends on how far that has come. */
  ahead(wanted: number | undefined, key: Key | null, message: Message): number {
    // Asked first: a batch without keys pays for nothing else.
    if (wanted === undefined && key === null && this.#partitioner === 'default') return LATER
    return this.of(wanted, key, null, message, RUN_RECORDS)
  }

  /** The partition of a record that has a key or names one, where keys are spread over so many. @throws MillraceError MILL_OUT_OF_RANGE */
  among(partitions: number, wanted: number | undefined, key: Key): number {
    const named = this.#explicit.of(wanted)
    return named === PASSED ? partitionOfKey(key, partitions) : named
  }

  /** The partition of a message that has no key and names none, for the default partitioner. */
  keyless(value: string | Uint8Array | null, run: number): number {
    return this.#sticky.of(undefined, null, value, null, run)
  }
}
