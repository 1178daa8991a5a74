/**
 * What a partition host tells of its partitions and groups without being asked: dead letters, drops, failures, stalls, depths.
 *
 * The partition host's thread, once in each pass. What may happen to each record of a topic is told the first time at once, and
 * later with how often. Bound: EVENTS_MAX dead letters in a pass; more are counted.
 */
import { nowMs } from '../../actors/world.ts'
import { FailureNews } from '../group/failure-news.ts'
import type { GroupActor } from '../group/group-actor.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import type { PartitionDepth } from '../wire/reports.ts'
import type { BrokerEvents } from '../words/broker-events.ts'

/** Dead letters told one by one in a pass; more are counted. */
const EVENTS_MAX = 100

export class HostNews {
  readonly failures: FailureNews = new FailureNews()
  readonly #tell: (notice: HostNotice) => void
  #events: BrokerEvents['deadLettered'][] = []
  #omitted = 0

  constructor(tell: (notice: HostNotice) => void) {
    this.#tell = tell
  }

  deadLettered(event: BrokerEvents['deadLettered']): void {
    if (this.#events.length < EVENTS_MAX) this.#events.push(event)
    else this.#omitted++
  }

  get hasDeadLetters(): boolean {
    return this.#events.length > 0
  }

  tellDeadLetters(): void {
    this.#tell({ kind: 'deadLettered', events: this.#events, omitted: this.#omitted })
    this.#events = []
    this.#omitted = 0
  }

  tellStalls(groups: Iterable<GroupActor>): void {
    for (const group of groups) {
      const event = group.letters.takeStall()
      if (event !== null) this.#tell({ kind: 'stalled', event })
    }
  }

  /** Drops and failed attempts. */
  tellCounted(partitions: readonly PartitionActor[]): void {
    for (const { drops, topic, partition, dropped } of partitions) {
      const records = drops.isEmpty ? 0 : drops.take(nowMs())
      if (records > 0) this.#tell({ kind: 'dropped', event: { topic: topic.name, partition, records, dropped } })
    }
    if (this.failures.isEmpty) return
    for (const event of this.failures.take(nowMs())) this.#tell({ kind: 'attemptFailed', event })
  }

  tellDepths(letterPartitions: readonly PartitionActor[]): void {
    const depths: PartitionDepth[] = []
    for (const actor of letterPartitions) {
      const { topic, partition, letterIndex } = actor
      if (letterIndex?.takeChanged() !== true) continue
      depths.push({ topic: topic.id, partition, depth: letterIndex.depth, filled: letterIndex.filled })
    }
    if (depths.length > 0) this.#tell({ kind: 'deadLetterDepth', depths })
  }

  /** Once: who opens the group again in this process goes on where it was. */
  tellPassedOver({ place: { topicName: topic, partition, group }, passedOver }: GroupActor): void {
    if (passedOver === null || passedOver.records === 0) return
    this.#tell({ kind: 'passedOver', event: { topic, partition, group, ...passedOver } })
  }
}
