/** What the next of a name waits for. */
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import type { TopicShape } from '../wire/places.ts'
import { Catalog } from './catalog.ts'
import { NamedProducers } from './named-producers.ts'
import type { PartitionHosts } from './partition-hosts.ts'

const SHAPE: TopicShape = {
  id: 1,
  name: 'orders',
  partitions: 2,
  codec: 'json',
  maxMessageBytes: 1_000,
  windowBytes: 65_536,
  onFull: 'wait',
  durability: 'fsync',
  log: { segmentBytes: 65_536, retentionMs: 1, retentionBytes: 1 },
}

t.test('what the one before left in its rings is appended before anybody is told what there is', async t => {
  const catalog = new Catalog(Memory.allocate(4 << 20), 1, null)
  const topic = catalog.addTopic(SHAPE)
  const { thread } = catalog.addThread().place
  const asked: number[] = []
  const answers = {
    addRing: async () => undefined,
    offsetAt: async () => ({ from: 0, to: 0 }),
    lastSequence: async (_topic: number, partition: number) => {
      asked.push(partition)
      return 6
    },
  }
  const hosts = {
    call: async (_host: number, ask: (api: typeof answers) => unknown) => ask(answers),
    all: async (ask: (api: typeof answers, host: number) => unknown) => [await ask(answers, 0)],
  } as unknown as PartitionHosts
  const producers = new NamedProducers(catalog, hosts, task => task())
  const open = () => producers.open(thread, topic, 'loader', () => undefined)
  const first = await open()
  t.equal(first.rings.length, 2)
  t.match(await rejection(open()), { code: 'MILL_LOCKED' })
  producers.close(1, 'loader', { ...first.state, next: 5 })
  let opened = false
  const opening = open().then(places => {
    opened = true
    return places
  })
  for (const { ring } of first.rings) {
    await new Promise(setImmediate)
    t.strictSame([opened, asked], [false, []])
    catalog.forgetRing(ring)
    producers.ringDrained()
  }
  const { passed, state } = await opening
  t.strictSame([passed, state.next, asked], [[7, 7], 5, [0, 1]])
})

t.test('from which number on keys are spread over more partitions is durable at once', async t => {
  const catalog = new Catalog(Memory.allocate(4 << 20), 1, null)
  catalog.addTopic(SHAPE)
  const durable: (readonly unknown[])[] = []
  const producers = new NamedProducers(catalog, {} as PartitionHosts, task => task())
  const state = { id: 7, next: 3, seen: [0, 0] }
  catalog.producers.keepDurably('1/loader', state)
  catalog.producers.keepDurably = (name, { next }) => void durable.push([name, next])
  producers.keep(1, 'loader', { ...state, next: 4 })
  t.strictSame(durable, [])
  const spread = [
    { from: 0, partitions: 2 },
    { from: 5, partitions: 3 },
  ]
  producers.keep(1, 'loader', { ...state, next: 5, seen: [0, 0, 0], spread })
  t.strictSame(durable, [['1/loader', 5]])
})

t.test('what a loss of power took is not looked for where its successors will not be', async t => {
  const catalog = new Catalog(Memory.allocate(4 << 20), 1, null)
  const topic = catalog.addTopic(SHAPE)
  const { thread } = catalog.addThread().place
  const from: number[] = []
  const answers = {
    addRing: async () => undefined,
    offsetAt: async () => ({ from: 0, to: 4 }),
    lastSequence: async (_topic: number, partition: number, _producer: number, offset: number) => {
      from[partition] = offset
      return null
    },
  }
  const hosts = {
    call: async (_host: number, ask: (api: typeof answers) => unknown) => ask(answers),
    all: async (ask: (api: typeof answers, host: number) => unknown) => [await ask(answers, 0)],
  } as unknown as PartitionHosts
  catalog.producers.keep('1/loader', { id: 7, next: 3, seen: [9, 2] }, true)
  const { state } = await new NamedProducers(catalog, hosts, task => task()).open(
    thread,
    topic,
    'loader',
    () => undefined,
  )
  t.strictSame(state, { id: 7, next: 3, seen: [4, 2] })
  t.strictSame(from, [4, 2])
  t.strictSame(catalog.producers.get('1/loader'), state, 'and nobody looks there after another one')
})
