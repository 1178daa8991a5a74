/**
 * Chooses the partition of each message that one producer takes: the one that it names, or as its topic's partitioner says.
 *
 * The producer's thread, once per message. A partitioner of the caller's is called where `publish` is, before anything of
 * the message is written; what it throws or returns wrongly refuses that message and changes nothing.
 */

import { RECORD_HEADER_BYTES } from '../log/format/record.ts'
import { MillraceError } from '../words/errors.ts'
import type { Key, Message, Partitioner } from '../words/message.ts'
import { show } from '../words/names.ts'
import { hashKey, type PartitionLoad, RoundRobinPartitioner, RUN_RECORDS, StickyPartitioner } from './partitioner.ts'

/** No partition yet (`ahead`). */
export const LATER = -1

/** Records of a batch that go to one partition in a row: so many that the batch reaches all, if it is large enough. */
export function runOf(messages: number, partitions: number): number {
  return Math.max(RUN_RECORDS, Math.ceil(messages / partitions))
}

export class PartitionChoice {
  readonly #topic: string
  readonly #loads: readonly PartitionLoad[]
  #partitions: number
  readonly #sticky: StickyPartitioner
  readonly #inOrder: RoundRobinPartitioner
  #partitioner: Partitioner = 'default'
  #isSettled = false

  /** `loads`: by partition; there may come to be more (`grown`). */
  constructor(topic: string, loads: readonly PartitionLoad[]) {
    this.#topic = topic
    this.#loads = loads
    this.#partitions = loads.length
    this.#sticky = new StickyPartitioner(loads)
    this.#inOrder = new RoundRobinPartitioner(loads.length)
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
    this.#partitioner = partitioner
    this.#isSettled = true
  }

  /** There are more partitions: from now on they are chosen as well. */
  grown(): void {
    this.#partitions = this.#loads.length
    this.#inOrder.grown(this.#partitions)
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
    if (wanted !== undefined) return this.#checked(wanted)
    if (typeof this.#partitioner === 'function') return this.#chosen(this.#partitioner, key, message)
    if (key !== null) return (hashKey(key) & 0x7fffffff) % this.#partitions
    if (this.#partitioner !== 'default') return this.#inOrder.next()
    return this.keyless(value, run)
  }

  /** The same for a message of a batch before any of it is written; LATER: where it goes depends on how far that has come. */
  ahead(wanted: number | undefined, key: Key | null, message: Message): number {
    if (wanted === undefined && key === null && this.#partitioner === 'default') return LATER
    return this.of(wanted, key, null, message, RUN_RECORDS)
  }

  /** The partition of a record that has a key or names one, where keys are spread over so many. @throws MillraceError MILL_OUT_OF_RANGE */
  among(partitions: number, wanted: number | undefined, key: Key): number {
    return wanted === undefined ? (hashKey(key) & 0x7fffffff) % partitions : this.#checked(wanted)
  }

  /** The partition of a message that has no key and names none, for the default partitioner. */
  keyless(value: string | Uint8Array | null, run: number): number {
    return this.#sticky.next(RECORD_HEADER_BYTES + (value === null ? 0 : value.length), run)
  }

  #checked(partition: number): number {
    if (Number.isInteger(partition) && partition >= 0 && partition < this.#partitions) return partition
    throw new MillraceError(
      'MILL_OUT_OF_RANGE',
      `partition ${show(partition)} of topic ${this.#topic} is not in 0 to ${this.#partitions - 1}`,
    )
  }

  #chosen(
    choose: (key: Key | null, message: Message, partitions: number) => number,
    key: Key | null,
    message: Message,
  ) {
    const partition = choose(key, message, this.#partitions)
    if (Number.isInteger(partition) && partition >= 0 && partition < this.#partitions) return partition
    throw new MillraceError(
      'MILL_OUT_OF_RANGE',
      `the partitioner of topic ${this.#topic} returned ${show(partition)}: it must return, and not promise, an integer from 0 to ${this.#partitions - 1}`,
    )
  }
}
