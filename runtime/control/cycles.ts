/**
 * Whether records that handlers put out come back to them.
 *
 * Pure. A group whose output leads back to the topic that it reads would wait for itself once that topic is full: room
 * comes only when the group commits, and it commits only when its output has room.
 */

/** A run's part in the flow of records: from the topic that it reads to its output topic. */
export interface Flow {
  readonly from: number
  readonly to: number
}

/** Whether `to` is reached from `from` through any of `flows`. */
export function leadsTo(from: number, to: number, flows: readonly Flow[]): boolean {
  const seen = new Set([from])
  for (const topic of seen) {
    if (topic === to) return true
    for (const flow of flows) if (flow.from === topic) seen.add(flow.to)
  }
  return false
}
