/** Requests as the host of their queue sees them: answers of consumers, other ends, and callers that have gone. In memory and on disk. */
import t from 'tap'
import { nowMs } from '../../actors/world.ts'
import type { AnswerKind } from '../link/answers.ts'
import { SETTLE } from '../link/link.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { type ConsumerEnd, QueueHouse } from './queue-house.fixture.ts'

type Begun = NonNullable<ReturnType<ConsumerEnd['begin']>>

/** Requests 1 to 3 of client 7, and a plain message, at one consumer that has begun them all. */
function houseWith(where: string, requests = 3, begins = true) {
  const disk = where === 'on disk' ? new MemoryDisk() : undefined
  const house = new QueueHouse(disk === undefined ? {} : { disk })
  const deadlineMs = nowMs() + 60_000
  for (let request = 1; request <= requests; request++)
    house.send({ value: Buffer.alloc(40, request), request: { client: 7, request, deadlineMs } })
  house.send({ value: Buffer.alloc(40) })
  house.pass()
  if (!begins) return { house, disk, end: null as unknown as ConsumerEnd, deliveries: [] as Begun[] }
  const end = house.attach(8)
  house.pass()
  end.take()
  const deliveries = Array.from({ length: requests + 1 }, () => end.begin() as Begun)
  return { house, disk, end, deliveries }
}

/** A consumer answers, in pieces of so many bytes. */
function reply(
  end: ConsumerEnd,
  { offset, tag }: Begun,
  request: number,
  text: string,
  kind: AnswerKind = 'json',
): void {
  const { cursor, epoch } = end.place
  const bytes = Buffer.from(text)
  for (let before = 0; before < bytes.length; before += 4) {
    const piece = {
      to: { client: 7, request },
      kind,
      before,
      all: bytes.length,
      bytes: bytes.subarray(before, before + 4),
    }
    end.link.push({ cursor, epoch, offset, how: SETTLE.replied, deliveryAttempt: tag, error: '', answer: piece })
  }
  end.claims.report(tag)
}

for (const where of ['in memory', 'on disk']) {
  t.test(`an answer is an ack, once, ${where}`, async t => {
    const { house, disk, end, deliveries } = houseWith(where)
    const [first, second, third, plain] = deliveries as [Begun, Begun, Begun, Begun]
    reply(end, first, 1, '"an answer"')
    reply(end, first, 1, '"another"')
    house.links(end)
    house.pass()
    t.strictSame(house.told, ['answer 1 json "an answer"'], 'a second one of the same claim changes nothing')
    end.end(second, 'rejected')
    end.end(plain, 'ack')
    end.claims.publish()
    house.links(end)
    house.pass()
    t.match(house.told[1], /^answer 2 rejected \{"name":"Error","message":"rejected"\}$/)
    t.match(house.queue.report(), { accepted: 4, acked: 2, unacked: 1, deadLettered: 1 })
    house.open()
    const told = house.told.length
    reply(end, third, 3, '3')
    house.links(end)
    house.pass()
    t.strictSame(house.told.slice(told), ['answer 3 json 3'], 'its successor knows who waits')
    if (disk !== undefined) t.match(new QueueHouse({ disk }).queue.report(), { acked: 3, deadLettered: 1 })
  })

  t.test(`a consumer that has lost its message answers nobody, ${where}`, async t => {
    const { house, end, deliveries } = houseWith(where, 1)
    const [first] = deliveries as [Begun]
    house.close(end, null)
    reply(end, first, 1, '"too late"')
    house.links(end)
    house.pass()
    t.strictSame(
      house.told.filter(text => text.startsWith('answer')),
      [],
    )
    t.match(house.queue.report(), { ready: 2, acked: 0 })
  })

  t.test(`what a consumer begins too late is cancelled, and its caller hears of it, ${where}`, async t => {
    const { house, end, deliveries } = houseWith(where, 1)
    end.end(deliveries[0] as Begun, 'late')
    house.links(end)
    house.pass()
    t.match(house.told, [/^answer 1 cancelled/])
    t.match(house.queue.report(), { cancelled: 1, ready: 0, unacked: 1, failures: 0, deadLettered: 0 })
  })

  t.test(`each other end is told before its record is gone, ${where}`, async t => {
    const { house } = houseWith(where, 3, false)
    t.equal(house.queue.asks.cancel(1), 'cancelled')
    t.strictSame(house.queue.asks.purge(0, 4), { purged: 3, next: null })
    t.strictSame(house.told, ['answer 2 cancelled', 'answer 1 purged', 'answer 3 purged'])
  })

  t.test(`requests whose callers have gone are not handed out, and others are, in their order, ${where}`, async t => {
    const { house } = houseWith(where, 3, false)
    house.send({ value: Buffer.alloc(40), request: { client: 8, request: 4, deadlineMs: nowMs() + 60_000 } })
    house.waiting = client => client === 8
    const end = house.attach(8)
    for (let passes = 0; passes < 8; passes++) house.pass()
    end.take()
    t.strictSame(
      end.waiting.map(({ offset }) => offset),
      [3, 4],
    )
    t.match(house.queue.report(), { cancelled: 3, unacked: 2, ready: 0 })
  })
}

t.test(
  'a queue on disk knows the requests of another process, and a host that follows asks for no plain message',
  async t => {
    const { disk } = houseWith('on disk', 2, false)
    const next = new QueueHouse({ disk: disk as MemoryDisk })
    next.waiting = () => false
    const end = next.attach(8)
    for (let passes = 0; passes < 8; passes++) next.pass()
    end.take()
    t.strictSame(
      end.waiting.map(({ offset }) => offset),
      [2],
    )
    t.match(next.queue.report(), { cancelled: 2, unacked: 1 })
  },
)
