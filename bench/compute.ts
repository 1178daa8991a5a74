/** About 100 us of arithmetic that no compiler can leave out; the same on all threads, ours and the rival's. */

const STEPS = 100_000

/** Returns 1, after a fixed number of steps. */
export function compute(): number {
  let x = 1
  for (let step = 0; step < STEPS; step++) x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0
  return x === 0 ? 0 : 1
}
