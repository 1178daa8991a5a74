import t, { type Test } from 'tap'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { RouteReceipt } from '../words/exchange.ts'
import type { Message, Receipt } from '../words/message.ts'
import { FrameParts } from './frame-parts.ts'
import type { FrameObserver, Part } from './frame-tickets.ts'
import { WaitingRoom } from './waiting-room.ts'

const WHERE = { partition: 3 }

function topicOf(onFull: 'wait' | 'reject'): ProducedTopic {
  const shape = { id: 7, name: 'orders', partitions: 4, codec: 'json', maxMessageBytes: 1_000, durability: 'memory' }
  return { ...shape, onFull } as unknown as ProducedTopic
}

/** Records of one frame: what observes each is up to the test. */
class Frame {
  readonly parts = new FrameParts()
  readonly room = new WaitingRoom()
  readonly topic: ProducedTopic
  count = 0

  constructor(t: Test, onFull: 'wait' | 'reject' = 'wait') {
    this.topic = topicOf(onFull)
    t.teardown(() => this.room.close())
  }

  publish(value: number): Promise<Receipt> {
    return this.parts
      .runAt(this.count++, WHERE.partition, this.topic, this.room, false)
      .add({ value }) as Promise<Receipt>
  }

  route(value: number): Promise<RouteReceipt> {
    const run = this.parts.runAt(this.count++, WHERE.partition, this.topic, this.room, true)
    return run.add({ value }) as Promise<RouteReceipt>
  }

  observe(observer: FrameObserver): void {
    this.parts.observe(observer, this.count++)
  }

  unobserved(): void {
    this.count++
  }

  answer(baseOffset: number): readonly Part[] {
    const parts = this.parts.take()
    for (const { observer, first, count } of parts) observer.appended(WHERE, baseOffset, first, count, false)
    return parts
  }
}

t.test(
  'publishes that stand side by side are one part; a record of another between them is none of theirs',
  async t => {
    const frame = new Frame(t)
    const calls: unknown[] = []
    const other: FrameObserver = {
      done: false,
      appended: (_writer, baseOffset, first, count) => void calls.push([baseOffset, first, count]),
      failed: () => t.fail('it failed'),
      refused: () => t.fail('it was refused'),
    }
    const receipts = [frame.publish(0), frame.publish(1)]
    frame.unobserved()
    receipts.push(frame.publish(3))
    frame.observe(other)
    frame.observe(other)
    receipts.push(frame.publish(6), frame.publish(7))
    t.equal(frame.parts.unanswered(frame.count), 8)
    const parts = frame.answer(100)
    t.strictSame(
      parts.map(({ first, count }) => [first, count]),
      [
        [0, 2],
        [3, 1],
        [4, 2],
        [6, 2],
      ],
    )
    t.strictSame(calls, [[100, 4, 2]])
    const all = await Promise.all(receipts)
    t.strictSame(
      all.map(({ topic, partition, offset, durability, position }) => [topic, partition, offset, durability, position]),
      [100, 101, 103, 106, 107].map(offset => ['orders', 3, offset, 'memory', `3:${offset}`]),
    )
    t.strictSame(frame.parts.take(), [], 'the next frame has no parts yet')
    void frame.publish(0)
    t.equal(frame.parts.take()[0]?.first, 8, 'and its publishes are not added to those of the one before')
  },
)

t.test('those that an exchange sends are runs of their own, with receipts of an exchange', async t => {
  const frame = new Frame(t)
  const own = [frame.publish(0), frame.publish(1)]
  const routed = [frame.route(2), frame.route(3)]
  own.push(frame.publish(4))
  t.strictSame(
    frame.answer(100).map(({ first, count }) => [first, count]),
    [
      [0, 2],
      [2, 2],
      [4, 1],
    ],
  )
  t.strictSame(
    (await Promise.all(routed)).map(({ targets, receipts, durability }) => [
      targets,
      receipts.map(receipt => (receipt as Receipt).position),
      durability,
    ]),
    [
      [['orders'], ['3:102'], 'memory'],
      [['orders'], ['3:103'], 'memory'],
    ],
  )
  t.strictSame(
    (await Promise.all(own)).map(({ offset }) => offset),
    [100, 101, 104],
  )
})

t.test('one that is refused has its own message in its error, and a receipt after that is ignored', async t => {
  const frame = new Frame(t, 'reject')
  const results = Promise.allSettled([frame.publish(1), frame.publish(2)])
  const [part] = frame.parts.take() as [Part]
  part.observer.refused(WHERE, 2)
  part.observer.appended(WHERE, 0, 0, 2, false)
  const errors = (await results).map(result => (result.status === 'rejected' ? result.reason : result))
  t.strictSame(
    errors.map(({ code, message }) => [code, message]),
    [1, 2].map(() => ['MILL_FULL', "topic orders is full: its consumers do not keep up, and its onFull is 'reject'"]),
  )
  t.strictSame(
    errors.map(error => (error as { readonly refused: Message }).refused),
    [{ value: 1 }, { value: 2 }],
  )
})

t.test('all of a frame fail together, of a broken disk or when their time is over', async t => {
  const frame = new Frame(t)
  const ends = [
    (observer: FrameObserver): void => observer.failed(2, new MillraceError('MILL_CLOSED', 'gone')),
    (observer: FrameObserver): void => (observer as FrameObserver & { expire(hold: string): void }).expire('a hold'),
  ]
  for (const [at, end] of ends.entries()) {
    const results = Promise.allSettled([frame.publish(1), frame.publish(2)])
    const [part] = frame.parts.take() as [Part]
    end(part.observer)
    const codes = (await results).map(result => (result.status === 'rejected' ? result.reason.code : 'a receipt'))
    t.strictSame(codes, at === 0 ? ['MILL_CLOSED', 'MILL_CLOSED'] : ['MILL_TIMEOUT', 'MILL_TIMEOUT'])
  }
})

t.test('what waits for its receipt is overdue a minute after it was looked at first', async t => {
  const frame = new Frame(t)
  const receipt = frame.publish(1)
  const [part] = frame.parts.take() as [Part]
  const waiter = part.observer as FrameObserver & { readonly roomSince: number; readonly deadline: number }
  const before = performance.now()
  const since = waiter.roomSince
  t.ok(since >= before && since <= performance.now())
  t.equal(waiter.roomSince, since)
  t.equal(waiter.deadline, since + 60_000)
  part.observer.appended(WHERE, 5, 0, 1, false)
  t.equal((await receipt).offset, 5)
})
