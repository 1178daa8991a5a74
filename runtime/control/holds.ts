/** What keeps a partition full, for the words of an error and of the `stalled` event. The control thread. */
import { letterPartition } from '../dead-letters/letter-partition.ts'
import { grouped } from '../options/option-rules.ts'
import type { Hold } from '../wire/control-calls.ts'
import type { GroupPlace, TopicShape } from '../wire/places.ts'
import type { GroupReport } from '../wire/reports.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, TopicEntry } from './catalog-entries.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { groupOf } from './queue-openings.ts'

/** Names the slowest group of the partition, and what that waits for. */
export async function describeHold(
  catalog: Catalog,
  hosts: PartitionHosts,
  topic: number,
  partition: number,
  isRunning: (group: GroupEntry) => boolean,
): Promise<Hold> {
  const entry = catalog.topic(topic)
  const { shape, places, letterIndexes } = entry
  if (shape.queue !== undefined) return queueHold(catalog, hosts, entry, isRunning)
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

/** Of a queue it is its consumers, or what they wait for. */
async function queueHold(
  catalog: Catalog,
  hosts: PartitionHosts,
  queue: TopicEntry,
  isRunning: (group: GroupEntry) => boolean,
): Promise<Hold> {
  const { shape, places } = queue
  const group = groupOf(catalog, queue)
  const { host } = places[0] as { readonly host: number }
  const { cursor } = group.places[0] as GroupPlace
  const report = await hosts.call(host, api => api.queueReport(cursor))
  const { ready, unacked, retrying, scheduled, dying, bytes, consumers } = report
  const who = consumers === 1 ? 'one consumer' : consumers > 0 ? `${consumers} consumers` : 'no consumer'
  const text = `queue ${shape.name} has ${who}; ${ready} messages are ready, ${unacked} unacked and ${retrying} wait for a retry (${bytes} bytes)${later(shape, scheduled)}`
  const base = { topic: shape.name, queue: shape.name, group: group.spec.group, lagBytes: bytes }
  if (dying === 0) return { ...base, text, deadLetterTopic: null }
  const { shape: letters } = catalog.topic(group.deadLetterTopic)
  const why = await describeHold(catalog, hosts, letters.id, letterPartition(0, letters.partitions), isRunning)
  return {
    ...base,
    text: `${text}, and it waits for room for a dead letter: ${why.text}`,
    deadLetterTopic: letters.name,
  }
}

function later({ log, windowBytes }: TopicShape, scheduled: number): string {
  if (scheduled === 0) return ''
  const bound =
    log === null
      ? `, for which a queue in memory has ${grouped(windowBytes / 4)} bytes here: give it a larger \`maxBytes\`, or keep it on disk`
      : ''
  return `; ${scheduled} are scheduled for later${bound}`
}
