/** What everybody who handles for a run keeps to (crew.ts). */
import type { Test } from 'tap'
import { until } from '../proof/fixtures/broker.fixture.ts'
import type { Coordinator } from './coordinator.ts'
import type { Crew } from './crew.ts'

export interface CrewHouse {
  readonly crew: Crew
  readonly run: number
  /** Of a group that has nobody else, and four partitions. */
  readonly coordinator: Coordinator
  /** From now on whoever is assigned a partition does not come back from that. */
  hang(): void
}

const PARTITIONS = 4

export async function crewContract(t: Test, name: string, open: (t: Test) => CrewHouse): Promise<void> {
  const joined = async ({ crew, coordinator }: CrewHouse): Promise<void> => {
    await crew.start()
    crew.join().catch(() => undefined)
    await until(() => coordinator.group.slots.size === PARTITIONS)
  }
  const isEmpty = ({ coordinator, crew }: CrewHouse): boolean =>
    coordinator.members === 0 && coordinator.group.slots.size === 0 && crew.threads.every(({ life }) => life === null)

  await t.test(`${name}: its members are known before they join, own all, and let go when they leave`, async t => {
    const house = open(t)
    const { crew, coordinator, run } = house
    const ids = [...crew.memberIds]
    t.ok(ids.length > 0)
    t.equal(new Set(ids).size, ids.length)
    t.ok(isEmpty(house), 'nothing runs before it is started')
    await joined(house)
    t.equal(coordinator.members, ids.length)
    t.equal(crew.watch(performance.now(), 0), Number.POSITIVE_INFINITY, 'nobody hangs')
    crew.retire()
    t.strictSame((await coordinator.leave(run, ids, true)).failures, [])
    await crew.end(2_000)
    t.strictSame(crew.memberIds, ids)
    t.ok(isEmpty(house))
  })

  await t.test(`${name}: it may be paused at any time`, async t => {
    const house = open(t)
    const { crew, coordinator, run } = house
    await crew.pause(true)
    await joined(house)
    await crew.pause(false)
    await crew.pause(true)
    crew.retire()
    await coordinator.leave(run, crew.memberIds, true)
    await crew.end(2_000)
    await crew.pause(false)
    t.ok(isEmpty(house))
  })

  await t.test(`${name}: who does not come back is given up by its end, and leaves`, async t => {
    const house = open(t)
    const { crew, coordinator, run } = house
    house.hang()
    await joined(house)
    crew.retire()
    let hasLeft = false
    const left = coordinator.leave(run, crew.memberIds, true).then(() => {
      hasLeft = true
    })
    await new Promise(resolve => setTimeout(resolve, 20))
    t.notOk(hasLeft, 'until then it is waited for')
    await crew.end(0)
    await left
    await crew.end(2_000)
    t.ok(isEmpty(house))
    t.type(crew.heldUp, 'string')
  })

  await t.test(`${name}: who does not come back is not waited for once the run has failed`, async t => {
    const house = open(t)
    const { crew, coordinator, run } = house
    house.hang()
    await joined(house)
    await crew.fail()
    await coordinator.leave(run, crew.memberIds, false)
    await crew.end(0)
    t.ok(isEmpty(house))
  })
}
