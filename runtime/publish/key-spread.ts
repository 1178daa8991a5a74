/**
 * Over how many partitions the keys of a named producer's records are spread, by the records' numbers.
 *
 * Pure. A record that is published again is looked for where its key had put it, and a topic may have come to have more partitions
 * since. So each producer keeps from which number on it knew of how many. Bound: those that records which may be missing still need.
 */
import type { ProducerState, Spread } from '../wire/producer-places.ts'

/** Of a producer as it was kept; before partitions were ever added, all its records were spread over those that it knew. */
export function spreadOf({ spread, seen }: Pick<ProducerState, 'spread' | 'seen'>): readonly Spread[] {
  return spread ?? [{ from: 0, partitions: seen.length }]
}

/** The partitions over which the record of a number is spread. */
export function partitionsAt(spread: readonly Spread[], number: number): number {
  let partitions = (spread[0] as Spread).partitions
  for (const each of spread) if (each.from <= number) partitions = each.partitions
  return partitions
}

/** Records from a number on are spread over so many; all records below `next` are there, and not asked for any more. */
export function spreadOver(
  spread: readonly Spread[],
  from: number,
  partitions: number,
  next: number,
): readonly Spread[] {
  const known = spread.filter(each => each.from < from)
  if (known.at(-1)?.partitions !== partitions) known.push({ from, partitions })
  return known.filter((_, index) => (known[index + 1]?.from ?? Number.POSITIVE_INFINITY) > next)
}
