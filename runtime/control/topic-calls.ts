/**
 * What is asked of a topic: to open it, to give it more partitions, to delete it, what it holds, and where to read it again.
 *
 * The control thread.
 */
import type { PartitionLogPlace, TopicShape } from '../wire/places.ts'
import type { GrownTopic } from '../wire/producer-places.ts'
import type { HostPartitionStats } from '../wire/reports.ts'
import type { ReadRange, StartPosition } from '../wire/start-position.ts'
import type { CallGate } from './call-gate.ts'
import type { Catalog } from './catalog.ts'
import { settledOf } from './catalog-entries.ts'
import type { Deletions } from './deletions.ts'
import type { Openings } from './openings.ts'
import type { PartitionGrowth } from './partition-growth.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import type { TopicSettings } from './same-options.ts'
import type { WindowLending } from './window-lending.ts'

export interface TopicCallParts {
  readonly gate: CallGate
  readonly catalog: Catalog
  readonly hosts: PartitionHosts
  readonly openings: Openings
  readonly windows: WindowLending
  readonly deletions: Deletions
  readonly growth: PartitionGrowth
}

export class TopicCalls {
  readonly #parts: TopicCallParts

  constructor(parts: TopicCallParts) {
    this.#parts = parts
  }

  open(name: string, settings: TopicSettings, given: readonly string[]): Promise<TopicShape> {
    const { gate, windows, openings } = this.#parts
    return gate.whileOpen(async () => (await windows.withRoom(() => openings.topic(name, settings, given))).shape)
  }

  delete(topic: number): Promise<void> {
    const { gate, deletions } = this.#parts
    return gate.whileOpen(() => deletions.topic(topic))
  }

  addPartitions(thread: number, topic: number, count: number): Promise<readonly GrownTopic[]> {
    const { gate, windows, growth } = this.#parts
    return gate.whileOpen(() => windows.withRoom(() => growth.add(thread, topic, count)))
  }

  async stats(topic: number): Promise<readonly HostPartitionStats[]> {
    const { catalog, hosts } = this.#parts
    const { partitions } = catalog.topic(topic).shape
    const stats = (await hosts.all(api => api.partitionStats(topic))).flat()
    // Some may be on their way.
    return stats.filter(({ partition }) => partition < partitions).sort((a, b) => a.partition - b.partition)
  }

  /** `partition` null: all. */
  async readRanges(topic: number, partition: number | null, place: StartPosition): Promise<readonly ReadRange[]> {
    const { catalog, hosts } = this.#parts
    const entry = catalog.topic(topic)
    const wanted = settledOf(entry, entry.places).filter(
      ({ partition: its }) => partition === null || partition === its,
    )
    return Promise.all(
      wanted.map(async ({ partition: its, host, log }) => {
        const range = await hosts.call(host, api => api.offsetAt(topic, its, place))
        return { partition: its, place: log as PartitionLogPlace, ...range }
      }),
    )
  }
}
