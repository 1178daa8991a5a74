/**
 * What a sweep is cut down to. An `x.exhaustive.test.ts` goes through every byte, bit, order or size; `npm test` asks it
 * for one in twenty of them, others each day, and the gate for all.
 */

import type { Test } from 'tap'
import { Chance } from './sim/chance.ts'

interface Portion {
  /** One in this many; 1: all. */
  readonly of: number
  readonly seed: number
}

/** `MILLRACE_PORTION=20:20261128` is one in twenty by that seed. A test that is run by itself does all. */
function asked(): Portion {
  const [of = '1', seed = '0'] = (process.env.MILLRACE_PORTION ?? '').split(':')
  return { of: Math.max(1, Number(of) || 1), seed: Number(seed) }
}

export const portion: Portion = asked()

/**
 * Numbers from 0 to below `count`, ascending, that are to be tried: all of them, or about one in `portion.of`, at least
 * one. `salt` keeps the sweeps of one file apart.
 */
export function* drawn(count: number, salt = 0): Generator<number> {
  if (portion.of === 1) {
    for (let each = 0; each < count; each++) yield each
    return
  }
  const chance = new Chance(portion.seed * 31 + salt)
  // One from each stretch of `of`, so that the whole length is sampled evenly.
  for (let from = 0; from < count; from += portion.of) {
    const width = Math.min(portion.of, count - from)
    yield from + chance.below(width)
  }
}

/** `test` of a file with so many of them, as a sweep: all are run, or one in `portion.of`, at least one. */
export function drawnTests(t: Test, count: number): (title: string, run: (t: Test) => Promise<unknown>) => void {
  const chosen = new Set(drawn(count))
  let number = 0
  return (title, run) => {
    if (chosen.has(number++)) void t.test(title, run)
  }
}
