/**
 * Where the dead letters of each topic are, and how many: what the control thread knows and asks of partition hosts.
 *
 * The control thread. Pages of letters pass through here on their way to the caller, one call at a time; the letters
 * themselves, and what is settled of them, are the partition hosts'.
 */
import { type DepthState, NO_DEPTH, stepDepth } from '../dead-letters/depth-alarm.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import type { LetterCursor, LetterMark, LetterPage, LetterTopics } from '../wire/letter-calls.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { MillraceError } from '../words/errors.ts'
import type { Catalog } from './catalog.ts'
import type { PartitionHosts } from './partition-hosts.ts'

export class DeadLetterTopics {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #threshold: number
  readonly #tell: (event: BrokerEvents['deadLetterDepth']) => void
  readonly #depths = new Map<number, DepthState>()

  constructor(
    catalog: Catalog,
    hosts: PartitionHosts,
    threshold: number,
    tell: (event: BrokerEvents['deadLetterDepth']) => void,
  ) {
    this.#catalog = catalog
    this.#hosts = hosts
    this.#threshold = threshold
    this.#tell = tell
  }

  async topics(name: string): Promise<LetterTopics> {
    const source = this.#catalog.topicsByName.get(name)
    if (source === undefined)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `there is no topic or queue ${name}; open it with broker.topic or broker.queue first`,
      )
    const targets = [...this.#catalog.topics.values()].filter(topic => topic.deadLettersOf.has(source.shape.id))
    const topics = await Promise.all(
      targets.map(async ({ shape: { id, name: target, partitions: count } }) => {
        const stats = (await this.#hosts.all(api => api.partitionStats(id))).flat()
        const partitions = stats
          // Some may be on their way.
          .filter(({ partition }) => partition < count)
          .sort((a, b) => a.partition - b.partition)
          .map(({ partition, highWatermark, deadLetterDepth }) => ({
            partition,
            endOffset: highWatermark,
            depth: deadLetterDepth,
          }))
        return { id, name: target, partitions }
      }),
    )
    return { codec: source.shape.codec, topics }
  }

  read(topic: number, partition: number, cursor: LetterCursor): Promise<LetterPage> {
    return this.#hosts.call(this.#hostOf(topic, partition), api => api.readLetters(topic, partition, cursor))
  }

  async settle(topic: number, partition: number, letters: readonly LetterMark[]): Promise<void> {
    await this.#hosts.call(this.#hostOf(topic, partition), api => api.settleLetters(topic, partition, letters))
  }

  #hostOf(topic: number, partition: number): number {
    const place = this.#catalog.topic(topic).places[partition]
    if (place === undefined) throw new Error(`broken invariant: topic ${topic} has no partition ${partition}`)
    return place.host
  }

  /** The topic is no more. */
  forget(topic: number): void {
    this.#depths.delete(topic)
  }

  /** A partition host has counted. */
  counted({ depths }: Extract<HostNotice, { readonly kind: 'deadLetterDepth' }>): void {
    for (const { topic, partition, ...depth } of depths) {
      // It was counted before its topic was deleted, and is heard of after that.
      if (!this.#catalog.topics.has(topic)) continue
      const { state, said } = stepDepth(this.#depths.get(topic) ?? NO_DEPTH, partition, depth, this.#threshold)
      this.#depths.set(topic, state)
      if (said !== null)
        this.#tell({ topic: this.#catalog.topic(topic).shape.name, threshold: this.#threshold, ...said })
    }
  }
}
