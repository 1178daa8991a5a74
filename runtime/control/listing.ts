/** What exists, opened in this process or not, as callers are told. The control thread; looks, and changes nothing. */
import type { GroupInfo, QueueInfo, TopicInfo } from '../words/listing.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import type { Catalog } from './catalog.ts'
import type { TopicEntry } from './catalog-entries.ts'
import type { Runs } from './runs.ts'

type Known = Pick<TopicEntry, 'shape'> & { readonly deadLettersOf: Iterable<number> }

/** All topics, by name. One on disk that was not made to its end by a process before is none. */
export function listTopics(catalog: Catalog, directory: BrokerDirectory | null): TopicInfo[] {
  const known = allOf(catalog, directory)
  const nameOf = (id: number): string[] => {
    const name = known.get(id)?.shape.name
    return name === undefined ? [] : [name]
  }
  const topics = [...known.values()].filter(({ shape }) => shape.queue === undefined)
  return topics.map(topic => infoOf(topic, nameOf)).sort(byName)
}

/** All queues, by name; as `listTopics`. */
export function listQueues(catalog: Catalog, directory: BrokerDirectory | null): QueueInfo[] {
  const queues = [...allOf(catalog, directory).values()].flatMap(({ shape: { queue, ...shape } }) => {
    if (queue === undefined) return []
    const { name, codec, durability, maxMessageBytes } = shape
    const { priorities, maxMessages, maxBytes, onFull, singleActive, keyConcurrency } = queue
    return [
      {
        name,
        codec,
        durability,
        maxMessageBytes,
        priorities,
        maxMessages,
        maxBytes,
        onFull,
        singleActive,
        keyConcurrency,
      },
    ]
  })
  return queues.sort(byName)
}

function allOf(catalog: Catalog, directory: BrokerDirectory | null): Map<number, Known> {
  const known = new Map<number, Known>()
  for (const stored of directory?.topics() ?? [])
    if (stored.shape.log !== null && stored.isMade === true) known.set(stored.shape.id, stored)
  for (const [id, topic] of catalog.topics) known.set(id, topic)
  return known
}

function infoOf({ shape, deadLettersOf }: Known, nameOf: (id: number) => string[]): TopicInfo {
  const { name, partitions, codec, durability, maxMessageBytes, windowBytes, onFull, publishRate = null, log } = shape
  return {
    name,
    partitions,
    codec,
    durability,
    maxMessageBytes,
    windowBytes,
    onFull,
    publishRate,
    retentionMs: log?.retentionMs ?? null,
    retentionBytes: log?.retentionBytes ?? null,
    segmentBytes: log?.segmentBytes ?? null,
    deadLettersOf: [...deadLettersOf].flatMap(nameOf).sort(),
  }
}

/** The groups of a topic by these names, sorted. */
export function listGroups(catalog: Catalog, runs: Runs, topic: number, names: readonly string[]): GroupInfo[] {
  return names.map(name => {
    const group = catalog.groups.find(topic, name)
    const running = group !== undefined && runs.isRunning(group)
    return { name, running, threads: group === undefined ? 0 : runs.ownersOf(group) }
  })
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
