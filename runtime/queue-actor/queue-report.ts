/** How many messages of a queue are where, as its users are told. The partition host's thread. */
import type { QueueReport } from '../wire/reports.ts'
import type { QueueParts } from './queue-parts.ts'

export function reportOf({ core, consumers, facts, messages, target, place }: QueueParts): QueueReport {
  const { failures } = facts
  const { accepted, ready, dying, unacked, retrying, scheduled, bytes, readyByPriority, ...gone } = core.counters()
  const { acked, deadLettered, expired, dropped, purged, cancelled } = gone
  const deadLetterDepth = target?.letterIndex?.depthOf(place.cursor) ?? 0
  const there = { ready, dying, unacked, retrying, scheduled, bytes, readyByPriority }
  const ended = { acked, deadLettered, expired, dropped, purged, cancelled }
  const { duplicates, forgotten: forgottenIds } = messages.ids?.table.room ?? { duplicates: 0, forgotten: 0 }
  const ids = { duplicates, forgottenIds }
  return { accepted, ...there, ...ended, ...ids, consumers: consumers.size, failures, deadLetterDepth }
}
