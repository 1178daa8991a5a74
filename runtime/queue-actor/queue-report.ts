/** How many messages of a queue are where, as its users are told. The partition host's thread. */
import type { QueueReport } from '../wire/reports.ts'
import type { QueueParts } from './queue-parts.ts'

export function reportOf({ core, consumers, facts, letters, target, place }: QueueParts): QueueReport {
  const { failures } = facts
  const { late } = letters
  const {
    accepted,
    ready,
    dying,
    unacked,
    retrying,
    acked,
    deadLettered,
    dropped,
    purged,
    cancelled,
    bytes,
    readyByPriority,
  } = core.counters()
  const deadLetterDepth = target?.letterIndex?.depthOf(place.cursor) ?? 0
  // To the core what was dropped is settled.
  const lettersToCome = { dying: dying + late, deadLettered: deadLettered - late }
  const counts = { accepted, ready: ready + late, unacked, retrying, acked, ...lettersToCome }
  const gone = { dropped, purged, cancelled, bytes, readyByPriority }
  return { ...counts, ...gone, consumers: consumers.size, failures, deadLetterDepth }
}
