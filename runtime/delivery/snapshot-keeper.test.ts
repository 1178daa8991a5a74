/** When snapshots are taken, on a clock that the test moves. */
import t, { type Test } from 'tap'
import * as node from '../../actors/world.ts'
import { SnapshotBudget } from './snapshot-budget.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'

let now = 0
const timers = new Set<{ readonly dueMs: number; readonly run: () => void }>()

node.replaceWorld({
  ...node,
  nowMs: () => now,
  setTimeout: (run, delayMs) => {
    const timer = { dueMs: now + delayMs, run }
    timers.add(timer)
    return timer as unknown as NodeJS.Timeout
  },
  clearTimeout: timer => void timers.delete(timer as unknown as never),
})

/** A keeper of one of a thread's partitions, whose snapshots cost so much: half of it for the text, and half for sending it. */
class Partition {
  taken = 0
  committed = 0
  crowdsWindow = false
  woken = 0
  readonly keeper: SnapshotKeeper

  constructor(budget: SnapshotBudget, costMs: number) {
    type Given = ConstructorParameters<typeof SnapshotKeeper>
    const keepSnapshot = (): Promise<boolean> => {
      now += costMs / 2
      return Promise.resolve(true)
    }
    const reports = { keepSnapshot, failRun: () => undefined }
    const thread = { reports, wake: () => void this.woken++ }
    this.keeper = new SnapshotKeeper(thread as unknown as Given[0], this as unknown as Given[1], budget, () => {
      this.taken++
      now += costMs / 2
      return {}
    })
  }

  readonly assignment = { cursor: 1, epoch: 1, topic: { name: 't' }, group: 'g', place: { partition: 0 } }

  commit(offset: number): void {
    this.committed = offset
  }
}

/** Lets so much time go by, and what is kept be kept. */
async function pass(ms: number): Promise<void> {
  now += ms
  for (const timer of timers) {
    if (timer.dueMs > now) continue
    timers.delete(timer)
    timer.run()
  }
  await new Promise(resolve => globalThis.setImmediate(resolve))
}

async function open(t: Test, count: number, costMs: number): Promise<Partition[]> {
  const budget = new SnapshotBudget()
  const partitions = Array.from({ length: count }, () => new Partition(budget, costMs))
  t.teardown(() => {
    for (const { keeper } of partitions) keeper.close()
  })
  // The first ones come at once.
  for (const { keeper } of partitions) keeper.reached(1, false)
  await pass(0)
  t.ok(partitions.every(({ taken, committed }) => taken === 1 && committed === 1))
  return partitions
}

t.test('all partitions of a thread together take a tenth of its time', async t => {
  const partitions = await open(t, 10, 2)
  const start = now
  for (let offset = 2; now < start + 2_000; offset++) {
    for (const { keeper } of partitions) keeper.reached(offset, false)
    await pass(5)
  }
  const taken = partitions.map(partition => partition.taken - 1)
  t.ok(
    taken.every(count => count >= 8 && count <= 10),
    taken.join(),
  )
})

t.test('with nothing to hand out, the thread is woken when it is time', async t => {
  const [one] = (await open(t, 2, 2)) as [Partition]
  one.keeper.reached(2, true)
  t.ok(one.keeper.isBusy, 'its thread need not ask')
  await pass(30)
  one.keeper.reached(3, true)
  t.match(one, { taken: 1, woken: 1 })
  await pass(10)
  t.equal(one.woken, 2)
  t.notOk(one.keeper.isBusy)
  one.keeper.reached(3, true)
  await pass(0)
  t.match(one, { taken: 2, committed: 3 })
})

t.test('however much it costs, it is taken a second after the last one when there is nothing to hand out', async t => {
  const [one] = (await open(t, 2, 500)) as [Partition]
  await pass(400)
  one.keeper.reached(2, true)
  t.equal(one.taken, 1)
  await pass(600)
  one.keeper.reached(2, false)
  t.equal(one.taken, 1, 'there is more to hand out')
  one.keeper.reached(2, true)
  t.equal(one.taken, 2)
})

t.test(
  'it is taken soon when there is nothing to hand out, and the window may be full of what waits for it',
  async t => {
    const [one] = (await open(t, 1, 10)) as [Partition]
    one.keeper.reached(2, true)
    t.ok(one.keeper.isBusy)
    one.crowdsWindow = true
    t.notOk(one.keeper.isBusy)
    now += 25
    one.keeper.reached(2, false)
    t.equal(one.taken, 1, 'there is more to hand out')
    one.keeper.reached(2, true)
    t.equal(one.taken, 2)
  },
)

t.test('it is taken now when it must be, after the one under way', async t => {
  const [one] = (await open(t, 1, 10)) as [Partition]
  await one.keeper.keepNow(2)
  t.match(one, { taken: 2, committed: 2 })
  const both = [one.keeper.keepNow(3), one.keeper.keepNow(4)]
  await Promise.all(both)
  t.match(one, { committed: 4 })
})

t.test('the last one waits for nothing, and leaves no timer', async t => {
  const [one] = (await open(t, 1, 10)) as [Partition]
  one.keeper.reached(2, true)
  t.equal(timers.size, 1)
  await one.keeper.finish(3)
  t.match(one, { taken: 2, committed: 3 })
  t.equal(timers.size, 0)
})
