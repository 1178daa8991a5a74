/** Runs on the caller's thread that fail or stop before it has joined them, and runs of somebody who is no thread of ours. */
import t from 'tap'
import type { Calls } from '../../actors/control-port.ts'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import type { BrokerNotice, RunSpec } from '../wire/control-calls.ts'
import type { MemberApi } from '../wire/member-calls.ts'
import type { Assignment, SlotPlace } from '../wire/places.ts'
import type { Caller } from './caller.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, ThreadEntry } from './catalog-entries.ts'
import type { CrewOf } from './crew-of.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { Runs, type RunsUpcalls } from './runs.ts'
import { ToyCrew } from './toy-crew.fixture.ts'

/** Runs of a group of one partition, with a caller's thread and a partition host that answer at once. */
function house(crewOf?: CrewOf) {
  let ids = 0
  const group = { spec: {}, places: [{ cursor: 7, group: 'g' }], slots: new Map<number, SlotPlace>() }
  Object.assign(group.spec, { topic: 1, policy: { atMostOnce: false, order: 'partition' } })
  const topic = { shape: { name: 'orders', partitions: 1 }, places: [{ partition: 0, host: 0 }] }
  const catalog = {
    nextId: () => ++ids,
    topic: () => topic,
    snapshots: { get: () => null },
    addSlot(_group: GroupEntry, partition: number): SlotPlace {
      const slot = { cursor: 7, epoch: ++ids, slot: ids, thread: 1, confirms: false }
      group.slots.set(partition, slot)
      return slot
    },
    freeSlot: () => undefined,
  }
  let gate = Promise.resolve()
  let gaveUp: Error | null = null
  const hosts = {
    async call() {
      await gate
      if (gaveUp !== null) throw gaveUp
      return { committed: 0, pin: 0, highWatermark: 0, known: [] }
    },
    settled: (work: Promise<unknown>) =>
      work.catch(error => {
        if (gaveUp === null) throw error
      }),
  }
  const assigned: { readonly run: number; readonly epoch: number }[] = []
  const members = {
    assign: async (run: number, { epoch }: Assignment) => void assigned.push({ run, epoch }),
    revoke: async () => ({ held: true }),
  }
  const told: BrokerNotice[] = []
  const runs = new Runs(
    catalog as unknown as Catalog,
    hosts as unknown as PartitionHosts,
    { tell: notice => void told.push(notice) } as RunsUpcalls,
    crewOf,
  )
  const { policy } = group.spec as { policy?: object }
  const spec = { topic: 1, group: 'g', policy, threads: null, concurrency: 1, batch: null, confirms: false }
  const caller: Caller = {
    thread: { place: { thread: 1 }, slots: [] } as unknown as ThreadEntry,
    members: members as unknown as Calls<MemberApi>,
    hasEnded: () => false,
    tell: notice => void told.push(notice),
  }
  const add = (): number => runs.add(spec as unknown as RunSpec, group as unknown as GroupEntry, caller)
  /** Until the result is called the partition host answers nothing. */
  const hold = (): (() => void) => {
    let letGo: () => void = () => undefined
    gate = new Promise(resolve => {
      letGo = resolve
    })
    return letGo
  }
  /** Partition hosts are gone for good. */
  const giveUp = (error: Error): void => {
    gaveUp = error
  }
  return { runs, add, assigned, told, group: group as unknown as GroupEntry, hold, giveUp }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('a run that is stopped before its thread has joined it owns nothing', async t => {
  const { runs, add, assigned, group, hold } = house()
  const [first, second] = [add(), add()]
  await runs.join(first)
  const letGo = hold()
  const stopped = [runs.stop(first, 1_000), runs.stop(second, 1_000)]
  await turn()
  const joined = rejection(runs.join(second))
  letGo()
  t.match(await joined, { code: 'MILL_CLOSED' })
  await Promise.all(stopped)
  t.match(assigned, [{ run: first }])
  t.equal(assigned.length, 1)
  t.equal(runs.hasMembers(group), false)
})

t.test('of the runs of a group only that one fails whose member cannot read', async t => {
  const { runs, add, assigned, told } = house()
  const [first, second] = [add(), add()]
  await runs.join(first)
  const { epoch } = assigned[0] as { readonly epoch: number }
  runs.failRun(7, epoch, new Error('it is gone'))
  await runs.join(second)
  await turn()
  t.match(told, [{ kind: 'runFailed', run: first }])
  t.equal(told.length, 1)
  t.match(assigned, [{ run: first }, { run: second }])
})

t.test('a join that fails with the partition hosts is told so, and nothing else fails of it', async t => {
  const { runs, add, giveUp } = house()
  const run = add()
  giveUp(new Error('the disk has failed'))
  const stray: unknown[] = []
  const heard = (error: unknown): void => void stray.push(error)
  process.on('unhandledRejection', heard)
  t.match(await rejection(runs.join(run)), { message: 'the disk has failed' })
  await turn()
  await turn()
  process.off('unhandledRejection', heard)
  t.strictSame(stray, [], 'it would end the control thread')
})

/** Runs that a toy handles for. */
function toyHouse() {
  const crews: ToyCrew[] = []
  const made = house(({ caller }, _spec, shape, coordinator) => {
    const crew = new ToyCrew(shape.run, caller.thread, coordinator)
    crews.push(crew)
    return crew
  })
  return { ...made, crews }
}

t.test('a run goes through its life with whoever handles for it', async t => {
  const { runs, add, crews, group } = toyHouse()
  const run = add()
  await runs.start(run)
  t.notOk(runs.hasMembers(group))
  await runs.join(run)
  t.ok(runs.hasMembers(group))
  await runs.pause(run)
  await runs.resume(run)
  t.strictSame(await runs.stop(run, 1_000), [])
  t.strictSame(crews[0]?.told, ['assign 0', 'pause', 'resume', 'retire', 'revoke 7'])
  t.notOk(runs.isRunning(group))
  t.match(await rejection(runs.pause(run)), { code: 'MILL_CLOSED' })
})

t.test(
  'members that do not let go are given up when the time of a stop is over, and what holds them is said',
  async t => {
    const { runs, add, crews, group } = toyHouse()
    const run = add()
    const [crew] = crews
    if (crew !== undefined) crew.hangs = true
    const joined = runs.join(run)
    await turn()
    t.match(await rejection(runs.stop(run, 20)), {
      code: 'MILL_TIMEOUT',
      message: 'group g did not stop within 20 ms: the toy is busy, and what is not finished will be delivered again',
    })
    await joined
    t.notOk(runs.isRunning(group))
    t.notOk(runs.hasMembers(group))
  },
)
