/** What keeps a partition full, for the words of an error and of the `stalled` event. The control thread. */
import { letterPartition } from '../dead-letters/letter-partition.ts'
import type { Hold } from '../wire/control-calls.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { GroupReport } from '../wire/reports.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry } from './catalog-entries.ts'
import type { PartitionHosts } from './partition-hosts.ts'

/** Names the slowest group of the partition, and what that waits for. */
export async function describeHold(
  catalog: Catalog,
  hosts: PartitionHosts,
  topic: number,
  partition: number,
  isRunning: (group: GroupEntry) => boolean,
): Promise<Hold> {
  const { shape, places, letterIndexes } = catalog.topic(topic)
  const { host } = places[partition] as { readonly host: number }
  const groups = [...catalog.groups.values()].filter(group => group.spec.topic === topic)
  const cursors = groups.map(group => (group.places[partition] as GroupPlace).cursor)
  const reports = await hosts.call(host, api => api.groupReports(cursors))
  let slowest: GroupReport | undefined
  for (const report of reports) if (slowest === undefined || report.lagBytes > slowest.lagBytes) slowest = report
  if (slowest === undefined) {
    const why =
      letterIndexes.length > 0
        ? 'it keeps dead letters; purge some, or replay them to another topic'
        : 'no group reads it'
    return {
      topic: shape.name,
      text: `partition ${partition} of topic ${shape.name} is full: ${why}`,
      group: null,
      lagBytes: 0,
      deadLetterTopic: null,
    }
  }
  const held = groups.find(group => group.places[partition]?.cursor === slowest.cursor) as GroupEntry
  const { group } = held.spec
  const { lag, lagBytes, waitsForDeadLetters } = slowest
  const state = isRunning(held) ? 'running' : 'not running'
  const text = `partition ${partition} of topic ${shape.name} is held by group ${group} (${state}), which is ${lag} records and ${lagBytes} bytes behind`
  if (!waitsForDeadLetters) return { topic: shape.name, text, group, lagBytes, deadLetterTopic: null }
  // Dead-letter topics lead nowhere back to, so this ends.
  const { shape: letters } = catalog.topic(held.deadLetterTopic)
  const why = await describeHold(catalog, hosts, letters.id, letterPartition(partition, letters.partitions), isRunning)
  const waiting = `${text}, and waits for room for a dead letter: ${why.text}`
  return { topic: shape.name, text: waiting, group, lagBytes, deadLetterTopic: letters.name }
}
