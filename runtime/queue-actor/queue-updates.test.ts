/** Updates of a queue's messages at its host, in memory and on disk: over deaths of host and process. */
import t, { type Test } from 'tap'
import type { ConsumerEnd } from './queue-house.fixture.ts'
import { clock, Line, later } from './queue-line.fixture.ts'
import { StoredUpdates } from './stored-updates.ts'

function eachPlace(name: string, test: (t: Test, isOnDisk: boolean) => void): void {
  for (const isOnDisk of [false, true])
    t.test(`${name}, ${isOnDisk ? 'on disk' : 'in memory'}`, async t => test(t, isOnDisk))
}

for (const withProcess of [false, true]) {
  const died = withProcess ? 'the process' : 'the host'
  eachPlace(`priorities are as updated after the death of ${died}`, (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(4)
    line.send(1, { priority: 1 })
    t.equal(line.update(3, { priority: 2 }), 'updated')
    t.equal(line.update(1, { priority: 2 }), 'updated')
    t.equal(line.update(4, { priority: 0 }), 'updated')
    t.strictSame(line.order(), [1, 3, 0, 2, 4])
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 3, 0, 2, 4])
    t.match(line.house.queue.report(), { readyByPriority: [3, 0, 2] })
  })

  eachPlace(`times are as updated after the death of ${died}`, (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(3)
    line.send(1, { delayMs: 500 })
    line.send(1, { ttlMs: 30 })
    line.update(0, { dueMs: clock.nowMs + 100 })
    line.update(3, { dueMs: clock.nowMs + 200, livesMs: 50 })
    line.update(4, { livesMs: Number.POSITIVE_INFINITY })
    line.update(2, { livesMs: 150 })
    t.strictSame(line.order(), [1, 2, 4])
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 2, 4])
    later(100)
    t.strictSame(line.order(), [1, 2, 4, 0])
    line.dies(withProcess)
    later(50)
    t.strictSame(line.order(), [1, 4, 0], 'the third one has expired')
    t.match(line.house.queue.report(), { dying: 0, deadLettered: 1 })
    later(50)
    t.strictSame(line.order(), [1, 4, 0, 3])
    line.update(1, { dueMs: clock.nowMs })
    t.strictSame(line.order(), [1, 4, 0, 3], 'one that is ready is so already')
    later(50)
    t.strictSame(line.order(), [1, 4, 0], 'its time to live began when it was due')
  })

  eachPlace(`one that fell due and is put off is due again only then, after the death of ${died}`, (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(2, { delayMs: 10 })
    line.send(1)
    later(10)
    t.strictSame(line.order(), [2, 0, 1])
    line.update(0, { dueMs: clock.nowMs + 60 })
    line.update(1, { priority: 1 })
    t.strictSame(line.order(), [1, 2])
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 2])
    later(60)
    t.strictSame(line.order(), [1, 2, 0])
    line.update(0, { priority: 2 })
    line.dies(withProcess)
    line.send(1)
    t.strictSame(line.order(), [0, 1, 2, 3])
    line.update(0, { priority: 0 })
    line.dies(withProcess)
    t.strictSame(line.order(), [1, 2, 0, 3], 'it has the place at which it fell due')
  })
}

eachPlace(
  'a message that a consumer has in advance comes back for an update, and one that it has begun stays',
  (t, isOnDisk) => {
    const line = new Line(isOnDisk)
    line.send(3)
    const end = line.house.attach(3)
    line.house.pass()
    end.take()
    const begun = end.begin() as NonNullable<ReturnType<ConsumerEnd['begin']>>
    t.equal(line.update(begun.offset, { priority: 2 }), 'unacked')
    t.equal(line.update(2, { dueMs: clock.nowMs + 40 }), 'updated')
    t.equal(end.begin(1), null, 'it is not there any more')
    t.match(line.house.queue.asks.explain(2), { state: 'scheduled' })
    end.end(begun, 'ack')
    end.claims.publish()
    t.equal(line.update(begun.offset, { priority: 2 }), 'settled')
    t.equal(line.update(99, { priority: 2 }), 'unknown')
  },
)

eachPlace('a new delay leaves a message the time to live that it had', (t, isOnDisk) => {
  const line = new Line(isOnDisk)
  line.send(1, { ttlMs: 100 })
  line.send(1, { delayMs: 1_000, ttlMs: 100 })
  later(40)
  line.update(0, { dueMs: clock.nowMs + 200 })
  line.update(1, { dueMs: clock.nowMs })
  t.strictSame(line.order(), [1])
  later(99)
  t.strictSame(line.order(), [1])
  later(1)
  t.strictSame(line.order(), [])
  later(100)
  t.strictSame(line.order(), [0])
  later(59)
  t.strictSame(line.order(), [0])
  later(1)
  t.strictSame(line.order(), [])
})

t.test('beyond as many updated messages as can be kept an update is refused, until some are settled', async t => {
  const line = new Line(false)
  line.send(20)
  // 1,024 messages have room there: one of 64 may be updated, and one entry stays free.
  for (let offset = 0; offset < 15; offset++) t.equal(line.update(offset, { priority: 1 }), 'updated')
  t.throws(() => line.update(15, { priority: 1 }), { code: 'MILL_FULL' })
  t.match(line.seen()[15], { offset: 15, priority: 0 })
  for (const priority of [0, 1, 0, 2]) t.equal(line.update(3, { priority }), 'updated', 'it was updated before')
  t.equal(line.house.queue.asks.cancel(7), 'cancelled')
  t.equal(line.update(15, { priority: 1 }), 'updated')
  line.dies(false)
  t.match(line.seen()[3], { offset: 3, priority: 2 })
  t.throws(() => line.update(16, { priority: 1 }), { code: 'MILL_FULL' }, 'a successor counts them too')
})

t.test('on disk one that is settled before its update is written is dropped with its update', async t => {
  const settled = new Set<number>()
  const updates = new StoredUpdates([], clock, offset => settled.has(offset), 2)
  for (const offset of [1, 2]) updates.put(offset, { priority: 1, dueMs: null, expiresMs: null })
  settled.add(1)
  t.ok(updates.hasRoomFor(3))
  updates.put(3, { priority: 1, dueMs: null, expiresMs: null })
  const taken: { offset: number }[] = []
  t.doesNotThrow(() => taken.push(...(updates.take()?.updates ?? [])))
  t.match(taken, [{ offset: 2 }, { offset: 3 }])
  t.equal(taken.length, 2)
})

t.test('on disk those that are settled are dropped when there is no room for more', async t => {
  const settled = new Set<number>()
  const updates = new StoredUpdates([], clock, offset => settled.has(offset), 3)
  for (const offset of [1, 2, 3]) {
    t.ok(updates.hasRoomFor(offset))
    updates.put(offset, { priority: 1, dueMs: null, expiresMs: null })
  }
  t.strictSame([updates.hasRoomFor(4), updates.hasRoomFor(2)], [false, true])
  t.equal(updates.take()?.updates.length, 3)
  t.equal(updates.take(), null)
  settled.add(2)
  t.ok(updates.hasRoomFor(4))
  t.equal(updates.of(2), null)
  t.match(updates.of(3), { priority: 1 })
})
