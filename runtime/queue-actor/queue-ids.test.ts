/** A queue that knows ids: of several messages of one id one is taken. What hosts die of is in queue-ids.exhaustive.test.ts. */
import t, { type Test } from 'tap'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { delay } from '../proof/fixtures/broker.fixture.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const IDS: Partial<QueueShape> = { dedupeMs: 3_600_000, dedupeMaxIds: 1_000 }

/** Sends messages with these ids, and says what came of each. */
function send(house: QueueHouse, ...ids: readonly string[]): string[] {
  const before = house.answers.length
  house.send(...ids.map(id => ({ value: Buffer.from(id), id })))
  house.pass()
  return house.answers.slice(before).map(({ how, offset }) => `${how} ${offset}`)
}

function ackOne(house: QueueHouse): void {
  const end = house.attach(1)
  house.pass()
  end.take()
  end.end(end.begin() as TakenDelivery, 'ack')
  end.claims.publish()
  house.close(end, null)
}

const both = (title: string, test: (t: Test, options: () => HouseOptions) => Promise<void>): void => {
  t.test(`in memory: ${title}`, t => test(t, () => ({})))
  t.test(`on disk: ${title}`, t => test(t, () => ({ disk: new MemoryDisk() })))
}

both('a second message of an id is not taken, and has the place of the first', async (t, options) => {
  const house = new QueueHouse({ ...options(), queue: IDS })
  t.strictSame(send(house, 'a', 'b', 'a'), ['took 0', 'took 1', 'has 0'], 'also in one append')
  house.send({ value: Buffer.from('x') }, { value: Buffer.from('x') })
  t.strictSame(send(house, 'b', 'c'), ['has 1', 'took 4'])
  t.match(house.queue.report(), { accepted: 5, ready: 5, duplicates: 2, forgottenIds: 0 })
  ackOne(house)
  ackOne(house)
  t.strictSame(send(house, 'b', 'a'), ['has 1', 'has 0'], 'also when it is settled')
  t.match(house.queue.report(), { accepted: 5, ready: 3, acked: 2, duplicates: 4 })
})

both('ids are known as long as they should be', async (t, options) => {
  for (;;) {
    const house = new QueueHouse({ ...options(), queue: { ...IDS, dedupeMs: 60 } })
    const since = performance.now()
    t.strictSame(send(house, 'a'), ['took 0'])
    const first = send(house, 'a')
    // On a machine that stood still meanwhile it says nothing.
    if (performance.now() - since >= 60) continue
    t.strictSame(first, ['has 0'])
    await delay(80)
    t.strictSame(send(house, 'a', 'a'), ['took 1', 'has 1'])
    return
  }
})

both('no id is forgotten before its time', async (t, options) => {
  const dedupeMs = 3
  const house = new QueueHouse({ ...options(), queue: { ...IDS, dedupeMs } })
  let least = Number.POSITIVE_INFINITY
  let sentMs = Number.NEGATIVE_INFINITY
  for (let taken = 0; taken < 40; ) {
    const nowMs = performance.now()
    if (!send(house, 'a')[0]?.startsWith('took')) continue
    least = Math.min(least, performance.now() - sentMs)
    sentMs = nowMs
    taken++
  }
  t.ok(least >= dedupeMs, `${least}`)
})

both('a message that was refused has no id', async (t, options) => {
  const house = new QueueHouse({ ...options(), queue: { ...IDS, maxMessages: 1, onFull: 'reject' } })
  t.strictSame(send(house, 'a', 'b', 'a', 'b'), ['took 0', 'full -1', 'has 0', 'full -1'])
  ackOne(house)
  t.strictSame(send(house, 'b', 'b'), ['took 1', 'has 1'])
})

t.test('who sends an id whose message the disk fails to take hears of that as well', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk, queue: IDS })
  t.strictSame(send(house, 'a'), ['took 0'])
  disk.failNext('write', /topics/)
  t.strictSame(send(house, 'b', 'b', 'c'), ['failed -1', 'failed -1', 'failed -1'])
})

both('of too many the oldest is forgotten, and counted', async (t, options) => {
  const house = new QueueHouse({ ...options(), queue: { ...IDS, dedupeMaxIds: 3 } })
  t.strictSame(send(house, 'a', 'b', 'c', 'd'), ['took 0', 'took 1', 'took 2', 'took 3'])
  t.strictSame(send(house, 'b', 'a'), ['has 1', 'took 4'])
  t.match(house.queue.report(), { forgottenIds: 2, duplicates: 1 })
  house.open()
  t.strictSame(send(house, 'a', 'b'), ['has 4', 'took 5'])
  t.match(house.queue.report(), { forgottenIds: 3, duplicates: 2 })
})
