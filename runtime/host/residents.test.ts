/** Who is busy among residents, and when the host is rung. */
import t from 'tap'
import type { Resident, Standing } from '../resident/resident.ts'
import { Residents } from './residents.ts'

function resting(standing: () => Standing, work: () => boolean = () => false): Resident {
  return { work, standing, dueInMs: () => Number.POSITIVE_INFINITY, stage: () => null }
}

t.test('the host is rung for a resident that waits as well: it is busy while the host sleeps', async t => {
  let rung = 0
  const residents = new Residents(
    () => undefined,
    () => rung++,
    0,
  )
  let standing: Standing = 'waits'
  let steps = 0
  const residence = residents.lane()(
    resting(
      () => standing,
      () => ++steps < 0,
    ),
  )
  for (const waiting of ['waits', 'waitsForCommit', 'rests'] as const) {
    standing = waiting
    residents.pass(1)
    residents.settle(1)
    const before = [rung, steps]
    residence.wake()
    t.equal(rung, (before[0] as number) + 1, waiting)
    residents.pass(2)
    t.equal(steps, (before[1] as number) + 1)
  }
  residence.leave()
  residence.wake()
  t.equal(rung, 4, 'one that is gone wakes nobody')
})

t.test(
  'a busy resident that is woken in a pass, by itself or by another one, rings nobody: the host is awake',
  async t => {
    let rung = 0
    const residents = new Residents(
      () => undefined,
      () => rung++,
      0,
    )
    const residence = residents.lane()(
      resting(
        () => 'waitsForCommit',
        () => {
          residence.wake()
          return false
        },
      ),
    )
    t.equal(rung, 1, 'it is new')
    for (let pass = 0; pass < 5; pass++) {
      residents.pass(pass)
      residents.settle(pass)
    }
    t.equal(rung, 1)
  },
)
