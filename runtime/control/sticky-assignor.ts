/**
 * The balanced assignment that moves the least.
 *
 * Pure. Counts differ by at most one; who owns keeps, as far as balance allows. A member that is down is reckoned with for what
 * it owns and gets nothing more; the others share the rest. What is free goes in order to whoever has least. More members than
 * partitions: the rest stand idle.
 *
 * Source: balance first, then stickiness, as Kafka's sticky assignor.
 */
import type { Assignor } from './assignment.ts'

export const stickyAssignor: Assignor = (partitions, members) => {
  const target = new Map<string, Set<number>>()
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition))
  const keep = (name: string, owned: readonly number[]): void => {
    target.set(name, new Set(owned))
    for (const partition of owned) free.delete(partition)
  }
  for (const [name, { up, owned }] of members) if (!up) keep(name, owned)
  const up = [...members].filter(([, member]) => member.up)
  if (up.length === 0) return target
  const least = Math.floor(free.size / up.length)
  let larger = free.size % up.length
  // Those who own most keep one more, so that the fewest partitions move.
  for (const [name, { owned }] of [...up].sort(([, a], [, b]) => b.owned.length - a.owned.length)) {
    const quota = least + (larger > 0 && owned.length > least ? 1 : 0)
    if (quota > least) larger--
    keep(name, owned.slice(0, quota))
  }
  const shares = up.map(([name]) => target.get(name) as Set<number>)
  for (const partition of free) {
    shares.reduce((least, share) => (share.size < least.size ? share : least)).add(partition)
  }
  return target
}
