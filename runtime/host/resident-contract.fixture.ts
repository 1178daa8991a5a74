/**
 * What every kind of resident keeps to, as tests: `live` adds one of that kind, and says how something comes to do for it.
 *
 * A kind that passes costs nothing at rest, is found whenever there is something for it, and does it in bounded steps.
 */
import t, { type Test } from 'tap'
import type { Resident, Staged } from '../resident/resident.ts'
import { type Residence, Residents } from './residents.ts'

/** Steps in which it does what `give` gives it to do. */
const STEPS_MAX = 64
/** As long as the longest time that a kind may be due after. */
const DUE_MS = 10_000

export interface Lodger {
  /** There is something for it to do, and it is woken, as it is in a host. */
  give(): void
  /** Whether it has done all that it was given so far. */
  isDone(): boolean
}

export function keepsResidentContract(kind: string, live: (add: (resident: Resident) => Residence) => Lodger): void {
  t.test(`${kind}: costs nothing at rest, and does what there is for it once it is woken`, async t => {
    const { residents, resident, lodger, rest } = await hosted(t, live)
    for (let round = 1; round <= 3; round++) {
      const before = residents.steps
      for (let pass = 0; pass < 10; pass++) residents.pass(rest.nowMs)
      t.equal(residents.steps, before, 'nobody looks at it')
      lodger.give()
      t.notOk(lodger.isDone(), 'it has something to do')
      rest.again()
      t.ok(lodger.isDone(), 'it has done it')
      t.equal(resident.standing(), 'rests')
    }
  })

  t.test(`${kind}: a step at rest does nothing, and changes nothing`, async t => {
    const { resident, rest } = await hosted(t, live)
    for (let step = 0; step < 3; step++) {
      t.notOk(resident.work())
      t.equal(resident.stage(), null)
      t.equal(resident.standing(), 'rests')
      t.ok(resident.dueInMs(rest.nowMs) > 0, 'it is not due now, and never was')
    }
  })

  t.test(`${kind}: what it staged is handed over once`, async t => {
    const { residents, rest, lodger, staged } = await hosted(t, live)
    lodger.give()
    rest.again()
    t.equal(new Set(staged).size, staged.length)
    t.ok(residents.steps > 0)
  })
}

async function hosted(t: Test, live: (add: (resident: Resident) => Residence) => Lodger) {
  const staged: Staged[] = []
  const commit = (taken: readonly Staged[]): void => {
    staged.push(...taken)
    for (const one of taken) one.committed()
  }
  const residents = new Residents(commit, () => undefined, 0)
  const lane = residents.lane(true)
  let added: Resident | undefined
  const lodger = live(resident => {
    added = resident
    return lane(resident)
  })
  const resident = added as unknown as Resident
  const rest = {
    nowMs: performance.now(),
    /** Passes, as a host makes them, until nothing is left to do. */
    again: (): void => {
      for (let pass = 0; pass < STEPS_MAX; pass++) {
        rest.nowMs++
        if (residents.pass(rest.nowMs)) continue
        residents.settle(rest.nowMs)
        if (lodger.isDone() && resident.standing() === 'rests') return
        // What is only due comes later.
        if (!residents.isReady) rest.nowMs += Math.min(DUE_MS, residents.dueInMs(rest.nowMs))
      }
      t.fail('it has not come to rest')
    },
  }
  rest.again()
  // The round in which all are looked at is none of its own.
  while (residents.isReady) residents.pass(rest.nowMs)
  residents.settle(rest.nowMs)
  return { residents, resident, lodger, rest, staged }
}
