/** Counters: numbers that the parts of a broker report under the same names, and that are added up in one place. Any thread. */

/** What a part reports: partitions of a topic, cursors of a group, dead-letter topics. Whatever counts something has this shape. */
export type Counters<N extends string> = { readonly [K in N]: number }

/** Each counter over all parts; 0 where there is none. */
export function totalOf<N extends string>(names: readonly N[], reports: Iterable<Counters<N>>): Counters<N> {
  const total = Object.fromEntries(names.map(name => [name, 0])) as Record<N, number>
  for (const report of reports) for (const name of names) total[name] += report[name]
  return total
}
