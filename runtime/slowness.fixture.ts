/**
 * How slow this machine is at this moment, by a loop of known length. Waits of tests are bounded by that and not by a
 * clock alone: beside other load they may take as much longer as everything else does, and a hang still ends.
 */

/** What the loop takes on the machine and the day on which the bounds of the tests were chosen, with nothing beside it. */
const REFERENCE_MS = 10
const ROUNDS = 4_000_000
/** No wait is stretched by more. */
const SLOWNESS_MAX = 20

let sink = 0

function loop(rounds: number): void {
  let mixed = sink | 1
  for (let round = 0; round < rounds; round++) mixed = (Math.imul(mixed ^ (mixed >>> 15), 0x5bd1e995) + round) | 0
  sink = mixed
}

loop(100_000)

/** 1 on the reference machine or a faster one; 4 where the same work takes four times as long, by its speed or by what runs beside it. */
export function slowness(): number {
  const since = performance.now()
  loop(ROUNDS)
  return Math.min(SLOWNESS_MAX, Math.max(1, (performance.now() - since) / REFERENCE_MS))
}
