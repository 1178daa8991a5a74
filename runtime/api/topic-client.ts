/** A topic as callers use it: its producer on this thread, and its groups. The creating thread. */

import type { Writable } from 'node:stream'
import type { Session } from '../embedded/session.ts'
import { checkPublishOptions, checkWritableOptions } from '../options/publish-options.ts'
import { checkRangeOptions } from '../options/range-options.ts'
import { checkPartitionCount } from '../options/topic-options.ts'
import { asMessage } from '../publish/checked-message.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import { replayRange } from '../reader/replay-range.ts'
import type { TopicShape } from '../wire/places.ts'
import type { GrownTopic } from '../wire/producer-places.ts'
import { closedError } from '../words/closed-error.ts'
import type { Delivery } from '../words/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import type { Group, RangeOptions } from '../words/group.ts'
import type { GroupInfo } from '../words/listing.ts'
import type { BatchReceipt, Message, Partitioner, PublishOptions, Receipt, WritableOptions } from '../words/message.ts'
import { checkName } from '../words/names.ts'
import type { Topic, TopicStats } from '../words/topic.ts'
import { GroupClient } from './group-client.ts'
import { startPosition } from './start-position.ts'
import { topicStatsOf } from './stats.ts'
import { topicWritable } from './topic-writable.ts'

export class TopicClient<V> implements Topic<V> {
  readonly #session: Session
  readonly #shape: TopicShape
  readonly #producer: TopicProducer
  readonly #groups = new Map<string, GroupClient<V>>()
  readonly #deleted: () => void

  /** `deleted` is called when the topic is gone. */
  constructor(session: Session, shape: TopicShape, producer: TopicProducer, deleted: () => void) {
    this.#session = session
    this.#shape = shape
    this.#producer = producer
    this.#deleted = deleted
  }

  /** The partitioner from now on. @throws MillraceError MILL_CONFIG_MISMATCH when another one is in use */
  settlePartitioner(partitioner: Partitioner): void {
    this.#producer.choice.settle(partitioner)
  }

  get name(): string {
    return this.#shape.name
  }

  get partitions(): number {
    return this.#producer.topic.partitions
  }

  publish(message: Message<V>, options?: PublishOptions): Promise<Receipt> {
    if (this.#session.closing) return Promise.reject(closedError())
    if (options === undefined) return this.#producer.publish(message)
    try {
      // A call with a key and a value gets an error about the message, and not about an option.
      asMessage(message)
      return this.#producer.publish(message, checkPublishOptions(options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  tryPublish(message: Message<V>): boolean {
    if (this.#session.closing) throw closedError()
    return this.#producer.tryPublish(message)
  }

  publishBatch(messages: readonly Message<V>[], options?: PublishOptions): Promise<BatchReceipt> {
    if (this.#session.closing) return Promise.reject(closedError())
    if (options === undefined) return this.#producer.publishBatch(messages)
    try {
      return this.#producer.publishBatch(messages, checkPublishOptions(options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  writable(options?: WritableOptions): Writable {
    const { highWaterMark, signal, timeoutMs } = checkWritableOptions(options)
    const given = { signal, timeoutMs }
    return topicWritable(messages => this.publishBatch(messages as readonly Message<V>[], given), highWaterMark)
  }

  flush(): Promise<void> {
    return this.#producer.flush()
  }

  async *replay(options?: RangeOptions): AsyncGenerator<Delivery<V>, void, void> {
    const { partition, from, signal } = checkRangeOptions(options)
    if (this.#shape.log === null)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `topic ${this.name} is in memory: only a topic on disk can be read again without a group`,
      )
    const place = startPosition(from, partition, this.#producer.topic)
    const ranges = await this.#session.ask(control => control.readRanges(this.#shape.id, partition ?? null, place))
    for (const range of ranges) yield* replayRange<V>(this.#shape, range, signal)
  }

  group(name: string): Group<V> {
    const checked = checkName('group', name)
    let group = this.#groups.get(checked)
    if (group === undefined) {
      const deleted = (): unknown => this.#groups.delete(checked)
      group = new GroupClient<V>(this.#session, this.#shape, checked, this.#producer, deleted)
      this.#groups.set(checked, group)
    }
    return group
  }

  async groups(): Promise<readonly GroupInfo[]> {
    return this.#session.ask(control => control.listGroups(this.#shape.id))
  }

  async addPartitions(count: number): Promise<number> {
    const { id } = this.#shape
    const checked = checkPartitionCount(count)
    this.#session.checkAccepts()
    const { id: thread } = this.#session.thread
    const grown = await this.#session.ask(control => control.addPartitions(thread, id, checked), 'for ever')
    this.#session.publishers.grown(grown)
    return (grown.find(({ topic }) => topic.id === id) as GrownTopic).topic.partitions
  }

  async delete(): Promise<void> {
    const { id } = this.#shape
    await this.#session.ask(control => control.deleteTopic(id), 'for ever')
    // Partition hosts have notified this thread as well; the next publish need not wait for that.
    this.#session.publishers.topicGone(id)
    this.#deleted()
  }

  async stats(): Promise<TopicStats> {
    const { id } = this.#shape
    const reports = await this.#session.ask(control => control.topicStats(id))
    return topicStatsOf(reports, this.#session.publishers.heldFor(id))
  }
}
