/**
 * Offsets as a handler of a simulation keeps them in a snapshot: as runs, since nearly all follow one another.
 *
 * Pure.
 */

/** Each from its first offset to its last. */
export type Runs = readonly (readonly [number, number])[]

export function runsOf(offsets: ReadonlySet<number>): Runs {
  const runs: [number, number][] = []
  for (const offset of [...offsets].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] + 1 === offset) last[1] = offset
    else runs.push([offset, offset])
  }
  return runs
}

export function offsetsOf(runs: Runs): number[] {
  return runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index))
}
