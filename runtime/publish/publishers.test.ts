/** What a thread does with partitions that it hears of while it opens their topic, or has closed its producer. */
import { Memory, RingConsumer, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { TopicShape } from '../wire/places.ts'
import type { ProducerPlaces, RingPlace } from '../wire/producer-places.ts'
import { Publishers, type PublishingControl } from './publishers.ts'

const BYTES = 4_096
const SHAPE: TopicShape = {
  id: 1,
  name: 'orders',
  partitions: 1,
  codec: 'json',
  maxMessageBytes: 1_000,
  windowBytes: 65_536,
  onFull: 'wait',
  durability: 'memory',
  log: null,
}

function house() {
  const memory = Memory.allocate(1 << 20)
  const rung: number[] = []
  const added: number[] = []
  const thread = {
    memory,
    thread: 7,
    addWriter: (writer: { readonly ring: number }) => void added.push(writer.ring),
    removeWriter: () => undefined,
    ringHost: (host: number) => void rung.push(host),
    sealAll: () => undefined,
  }
  let next = BYTES
  const ring = (partition: number): RingPlace => {
    const address = next
    next += 2 * ringBytes(BYTES)
    return { ring: partition + 1, partition, host: 0, address, capacity: BYTES, words: 0, widest: BYTES }
  }
  let answer = (_: ProducerPlaces): void => undefined
  let refuse = (_: Error): void => undefined
  const opened = new Promise<ProducerPlaces>((resolve, reject) => {
    answer = resolve
    refuse = reject
  })
  const control = { attachProducerByName: () => opened } as unknown as PublishingControl
  const publishers = new Publishers(thread as unknown as AttachedThread, control as never, {
    stalled: () => undefined,
    publishFailed: () => undefined,
  })
  const isGivenBack = ({ address, capacity }: RingPlace): boolean => {
    const consumer = new RingConsumer(memory, address, capacity)
    return !consumer.poll() && consumer.drained
  }
  return { publishers, ring, answer, refuse, added, isGivenBack }
}

const grownBy = (ring: RingPlace, partitions: number) => [
  { topic: { ...SHAPE, partitions }, rings: [{ producer: null, place: ring }] },
]

t.test('a topic that is being opened gets what it is told of meanwhile', async t => {
  const { publishers, ring, answer, isGivenBack } = house()
  const [first, second, third] = [ring(0), ring(1), ring(2)]
  const opening = publishers.open('orders')
  publishers.grown(grownBy(second, 2))
  publishers.grown(grownBy(third, 3))
  answer({ topic: SHAPE, rings: [first] })
  const producer = await opening
  t.equal(producer.topic.partitions, 3)
  t.doesNotThrow(() => producer.choice.among(3, 2, ''))
  publishers.grown(grownBy(third, 3))
  t.equal(producer.topic.partitions, 3, 'once')
  t.notOk([first, second, third].some(isGivenBack))
})

t.test('rings of a topic that could not be opened, and of producers that are closed, are given back', async t => {
  const { publishers, ring, refuse, isGivenBack } = house()
  const [second, third] = [ring(1), ring(2)]
  const opening = publishers.open('orders')
  publishers.grown(grownBy(second, 2))
  t.notOk(isGivenBack(second))
  refuse(new Error('no room'))
  await t.rejects(opening, { message: 'no room' })
  t.ok(isGivenBack(second))
  publishers.grown([{ topic: { ...SHAPE, partitions: 3 }, rings: [{ producer: 5, place: third }] }])
  t.ok(isGivenBack(third))
})

t.test('a producer that has failed gives the rings of new partitions back, and has no receipts for them', async t => {
  const { publishers, ring, answer, added, isGivenBack } = house()
  const [first, second] = [ring(0), ring(1)]
  const opening = publishers.open('orders')
  answer({ topic: SHAPE, rings: [first] })
  const producer = await opening
  producer.fail(new Error('the disk is full'))
  t.notOk(isGivenBack(second))
  publishers.grown(grownBy(second, 2))
  t.ok(isGivenBack(second))
  t.strictSame(added, [first.ring])
})

t.test(
  'whoever asks for an earlier topic of a name is refused, and the topic that has the name stays open',
  async t => {
    const { publishers, ring, answer, isGivenBack } = house()
    const place = ring(0)
    answer({ topic: { ...SHAPE, id: 2 }, rings: [place] })
    t.match(await rejection(publishers.openTopic('orders', 1)), { code: 'MILL_TOPIC_DELETED' }, 'opened for it')
    const producer = await publishers.open('orders')
    t.match(await rejection(publishers.openTopic('orders', 1)), { code: 'MILL_TOPIC_DELETED' }, 'open before')
    t.equal(await publishers.openTopic('orders', 2), producer)
    t.notOk(isGivenBack(place))
  },
)
