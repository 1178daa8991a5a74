/** Whether what a queue's core says and what its naive model says is the same. */
import type { QueueCounters } from './queue-words.ts'

const COUNTERS = [
  ...(['accepted', 'ready', 'dying', 'unacked', 'retrying', 'scheduled', 'acked'] as const),
  ...(['deadLettered', 'expired', 'dropped', 'purged', 'cancelled', 'bytes'] as const),
]

/** The same, of counters, without a walk through their names. */
export function areSame(a: QueueCounters, b: QueueCounters): boolean {
  for (const name of COUNTERS) if (a[name] !== b[name]) return false
  for (const [priority, ready] of a.readyByPriority.entries()) if (ready !== b.readyByPriority[priority]) return false
  return a.readyByPriority.length === b.readyByPriority.length
}

export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
  for (const key in a)
    if (!isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false
  for (const key in b) if (!(key in a)) return false
  return true
}
