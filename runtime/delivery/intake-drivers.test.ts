/** Both that have several records in hand take them from a source that is no partition: what it writes is an intake. */

import { Memory } from 'sharedarraybuffer-ring'
import t, { type Test } from 'tap'
import { UserContext } from '../base/user-context.ts'
import type { AnyHandler } from '../options/define.ts'
import { until } from '../proof/fixtures/broker.fixture.ts'
import type { Publishers } from '../publish/publishers.ts'
import { ToyIntake, ToySource } from '../reader/toy-intake.fixture.ts'
import type { TurnTaker } from '../thread/turn-taker.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { RejectError } from '../words/errors.ts'
import { Credits } from './credits.ts'
import { DeliveryContext } from './delivery-context.ts'
import { Executor } from './executor.ts'
import type { ExecutorSetting, LaneExecutorSetting } from './executor-setting.ts'
import { LaneExecutor } from './lane-executor.ts'
import { ManualReader } from './manual-reader.ts'
import { OneAtATime } from './one-at-a-time.ts'

/** A thread that gives one taker its turns. */
function threadFor(phase: (name: string) => void = () => undefined) {
  let taker: TurnTaker | null = null
  let isWoken = false
  const wake = (): void => {
    if (isWoken) return
    isWoken = true
    setImmediate(() => {
      isWoken = false
      if (taker?.turn(Number.POSITIVE_INFINITY) === true) wake()
    })
  }
  const thread = { memory: Memory.allocate(1 << 16), address: 0, phase, wake }
  return {
    thread,
    takeTurns(by: TurnTaker, intake: ToyIntake): void {
      taker = by
      intake.hear = verdict => by.verdict(verdict)
      wake()
    },
  }
}

function sourceOf(records: number): ToySource {
  const source = new ToySource()
  source.records = records
  return source
}

function executor(
  t: Test,
  source: ToySource,
  handler: object,
  more: Partial<LaneExecutorSetting> = {},
  phase?: (name: string) => void,
): LaneExecutor {
  const { thread, takeTurns } = threadFor(phase)
  const intake = new ToyIntake(source, 1)
  const publishers = { publish: () => t.fail('nothing is published') } as unknown as Publishers
  const lanes = new LaneExecutor(
    {
      thread,
      intake,
      handler: handler as AnyHandler,
      context: new DeliveryContext('orders', 'g', 0, null, publishers),
      userContext: new UserContext(),
      handlerTimeoutMs: Number.POSITIVE_INFINITY,
      output: null,
      retryOrder: 'key',
      concurrency: 4,
      batch: { maxRecords: 1, maxWaitMs: 0 },
      turnstile: new OneAtATime(),
      ...more,
    },
    null,
  )
  takeTurns(lanes, intake)
  return lanes
}

t.test('several calls at a time: what fails is tried again, or set aside, and all is committed in the end', async t => {
  const source = sourceOf(200)
  const attempts: number[] = []
  let [pending, most] = [0, 0]
  const lanes = executor(t, source, {
    async message({ offset, value, deliveryAttempt }: { offset: number; value: string; deliveryAttempt: number }) {
      most = Math.max(most, ++pending)
      await null
      pending--
      attempts[offset] = deliveryAttempt
      if (value !== `value ${offset}`) throw new RejectError('not what was published')
      if (offset % 50 === 7) throw new Error('always')
      if (offset === 20 && deliveryAttempt === 1) throw new Error('once')
    },
  })
  await until(() => source.committed === 200)
  await lanes.close()
  t.strictSame(
    source.asideFor,
    [7, 57, 107, 157].map(offset => `${offset} failed`),
  )
  t.equal(most, 3, 'one of each key')
  t.strictSame([attempts[7], attempts[20], attempts[21]], [3, 2, 1])
})

t.test('batches: the one that fails is found, and its mates are not charged', async t => {
  const source = sourceOf(40)
  const lanes = executor(
    t,
    source,
    {
      batch(deliveries: readonly ManualDelivery<string>[]) {
        for (const { offset } of deliveries) if (offset === 11) throw new Error('eleven')
      },
    },
    { batch: { maxRecords: 8, maxWaitMs: 0 }, concurrency: 1 },
  )
  await until(() => source.committed === 40)
  await lanes.close()
  t.strictSame(source.asideFor, ['11 failed'])
  t.strictSame(source.asked, ['11 failed 4', '11 failed 5', '11 failed 6'])
})

t.test(
  'the records of a batch that is pending are told, so that its thread’s death is not charged to another',
  async t => {
    const source = sourceOf(4)
    let over: (() => void) | undefined
    const handler = { batch: () => new Promise<void>(resolve => (over = resolve)) }
    const lanes = executor(t, source, handler, { batch: { maxRecords: 4, maxWaitMs: 0 }, concurrency: 1 })
    await until(() => over !== undefined)
    t.strictSame(source.inHand, [4, 0, -1])
    over?.()
    await until(() => source.committed === 4)
    t.strictSame(source.inHand, [0, 0, -1])
    await lanes.close()
  },
)

t.test('what is over is committed while another call is pending, also when no more calls are made', async t => {
  for (const closes of [false, true]) {
    const source = sourceOf(2)
    const ends: (() => void)[] = []
    const lanes = executor(t, source, { message: () => new Promise<void>(resolve => void ends.push(resolve)) })
    await until(() => ends.length === 2)
    const closed = closes ? lanes.close() : null
    ends[0]?.()
    await until(() => source.committed === 1)
    t.notOk(lanes.ready(), 'it waits for the other one')
    ends[1]?.()
    await (closed ?? lanes.close())
    t.equal(source.committed, 2)
  }
})

t.test(
  'what a batch has settled is committed while its handler goes on, and what it gives back comes again',
  async t => {
    const source = sourceOf(2)
    let end: () => void = () => undefined
    const calls: (readonly ManualDelivery<string>[])[] = []
    const handler = {
      batch(deliveries: readonly ManualDelivery<string>[]): Promise<void> | undefined {
        calls.push(deliveries)
        return calls.length > 1 ? undefined : new Promise(resolve => (end = resolve))
      },
    }
    const batch = { maxRecords: 2, maxWaitMs: 0 }
    const lanes = executor(t, source, handler, { batch, retryOrder: 'none', concurrency: 2 })
    await until(() => calls.length === 1)
    // Its turn is over by then, and nothing else wakes it.
    await new Promise(resolve => setTimeout(resolve, 5))
    calls[0]?.[0]?.ack()
    await until(() => source.committed === 1)
    calls[0]?.[1]?.release()
    await until(() => source.committed === 2)
    t.strictSame(
      calls[1]?.map(({ offset }) => offset),
      [1],
    )
    end()
    await lanes.close()
  },
)

t.test('a commit that makes room in a turn is one by its phase, and the call behind it is not', async t => {
  for (const how of ['by the lane', 'beside it']) {
    let phase = ''
    const commits: string[] = []
    let committed = 0
    const source = Object.defineProperty(sourceOf(200), 'committed', {
      get: () => committed,
      set: (offset: number) => {
        committed = offset
        commits.push(phase)
      },
    })
    const calls: string[] = []
    const act = (): void => void calls.push(phase)
    const handler = how === 'by the lane' ? { message: act } : { batch: act }
    const batch = { maxRecords: how === 'by the lane' ? 1 : 50, maxWaitMs: 0 }
    const lanes = executor(t, source, handler, { batch, concurrency: 1 }, name => {
      phase = name
    })
    await until(() => committed === 200)
    await lanes.close()
    t.ok(commits.length >= 3, `${commits.length} commits`)
    t.strictSame([new Set(commits), new Set(calls)], [new Set(['committing']), new Set(['executing'])], how)
  }
})

t.test('a caller settles in any order, and whoever comes next is handed what was not settled', async t => {
  const source = sourceOf(10)
  const out: ManualDelivery<unknown>[] = []
  const readerOf = (epoch: number): ManualReader => {
    const { thread, takeTurns } = threadFor()
    const intake = new ToyIntake(source, epoch)
    const credits = new Credits(6)
    const reader = new ManualReader(thread, intake, credits, 'none', delivery => void out.push(delivery))
    takeTurns(reader, intake)
    return reader
  }
  const first = readerOf(1)
  await until(() => out.length === 6)
  for (const index of [1, 0, 3]) out[index]?.ack()
  out[2]?.reject()
  await until(() => out.length === 10 && source.committed === 4)
  first.close()
  t.throws(() => out[4]?.ack(), { code: 'MILL_SETTLED' })
  t.strictSame(source.asideFor, ['2 rejected'])
  out.length = 0
  const second = readerOf(2)
  await until(() => out.length === 6)
  second.close()
  t.strictSame(
    out.map(({ offset, deliveryAttempt }) => [offset, deliveryAttempt]),
    [4, 5, 6, 7, 8, 9].map(offset => [offset, 2]),
  )
})

t.test('an executor that is given up closes what it reads, and its handler counts for nothing any more', async t => {
  const source = sourceOf(3)
  let go: () => void = () => undefined
  const lanes = executor(t, source, { message: () => new Promise<void>(resolve => (go = resolve)) })
  await until(() => source.knows(2).deliveryAttempt === 1)
  lanes.abandon()
  go()
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(source.knows(2).settled)
  let closed = 0
  const reader = { assignment: { slot: 0, epoch: 1 }, close: () => closed++ }
  const setting = { thread: {}, reader, handler: {}, output: null, atMostOnce: false, handlerTimeoutMs: 1_000 }
  new Executor(setting as unknown as ExecutorSetting, null).abandon()
  t.equal(closed, 1)
})
