import { Arena, Memory, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { codecOf } from '../words/codec.ts'
import type { Message } from '../words/message.ts'
import { beginKeys } from './batch-keys.ts'
import { BatchWriter } from './batch-writer.ts'
import { PartitionChoice } from './partition-choice.ts'
import { PartitionWriter } from './partition-writer.ts'
import { PendingBatch } from './pending-batch.ts'
import { type PreparedBatch, prepareBatch } from './prepared-batch.ts'
import type { RingChanges } from './ring-changes.ts'
import { WaitingRoom } from './waiting-room.ts'

const CAPACITY = 1 << 16
const TOPIC: ProducedTopic = {
  id: 1,
  name: 'orders',
  partitions: 2,
  codec: 'bytes',
  maxMessageBytes: 10_000,
  onFull: 'wait',
  durability: 'memory',
}

/** What a batch leaves in the rings of two partitions; `between` is called when it is prepared. */
function written(
  messages: readonly Message[],
  between: () => void,
  made: (batch: PendingBatch) => void = () => undefined,
): readonly Buffer[] {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const words = arena.allocate(128)
  const places = [0, 1].map(partition => {
    const address = arena.allocate(ringBytes(CAPACITY))
    return { ring: partition + 1, partition, host: 0, address, capacity: CAPACITY, words, widest: CAPACITY }
  })
  const writers = places.map(place => new PartitionWriter(memory, place, 1))
  const choice = new PartitionChoice('orders', writers)
  const prepared = prepareBatch(messages, codecOf('bytes'), TOPIC, choice)
  if (prepared instanceof Error) throw prepared
  between()
  const dirty = new Set<unknown>()
  const thread = { memory, markDirty: (writer: unknown) => dirty.add(writer) } as unknown as AttachedThread
  const rings = { growing: new Set(), need: () => undefined } as unknown as RingChanges
  const batch = batchOf(messages, prepared)
  made(batch)
  const isWhole = new BatchWriter(thread, writers, rings, choice).write(batch, messages.length, 10_000)
  t.ok(isWhole)
  t.equal(batch.next, messages.length)
  t.equal(dirty.size, writers.filter(writer => writer.isOpen).length)
  return writers.map((writer, partition) => {
    const { index } = writer
    writer.seal()
    t.equal(prepared.partitions.filter(chosen => chosen === partition).length, index)
    const { address } = places[partition] as (typeof places)[number]
    const bytes = Buffer.from(memory.u8.slice(address, address + ringBytes(CAPACITY)))
    // Behind the ring's own words and the frame's header, which has the time.
    return bytes.subarray(1_024)
  })
}

function batchOf(messages: readonly Message[], prepared: PreparedBatch): PendingBatch {
  const room = new WaitingRoom()
  t.teardown(() => room.close())
  const nothing = (): void => undefined
  return new PendingBatch(TOPIC, room, messages, prepared, null, {}, nothing, nothing)
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => 1 + ((at * 7) % 255))
const plain = Array.from({ length: 60 }, (_, n) => ({ key: 'key-'.repeat(1 + (n % 16)).slice(n % 3), value: bytes(n) }))

t.test('what is written by the short way is what is written by the other', async t => {
  const rare: Message[] = [
    { key: 'ä', value: bytes(5) },
    { key: 'x'.repeat(65), value: bytes(70) },
    { key: bytes(9), value: null },
    { key: 'h', value: bytes(8), headers: { a: 'b' } },
  ]
  for (const messages of [plain, ...rare.map(one => [...plain.slice(0, 20), one, ...plain.slice(20)])]) {
    const short = written(messages, () => undefined)
    t.ok(short.some(ring => ring.some(byte => byte !== 0)))
    t.strictSame(short, written(messages, beginKeys))
  }
})

t.test('a getter that publishes another batch leaves this one its keys', async t => {
  const nested = plain.map((message, n) =>
    n !== 30
      ? message
      : {
          key: message.key,
          value: bytes(n),
          get headers() {
            written([{ key: 'another', value: bytes(3) }], () => undefined)
            return undefined
          },
        },
  )
  t.strictSame(
    written(nested as Message[], () => undefined),
    written(plain, beginKeys),
  )
})

t.test('a value that was detached or has grown since it was read ends the batch where it stands', async t => {
  const detached = bytes(8)
  const grown = new Uint8Array(Reflect.construct(ArrayBuffer, [8, { maxByteLength: 20_000 }]) as ArrayBuffer)
  const cases: readonly (readonly [Uint8Array, () => void, unknown])[] = [
    [detached, () => void structuredClone(detached.buffer, { transfer: [detached.buffer as ArrayBuffer] }), TypeError],
    [
      grown,
      () => (grown.buffer as ArrayBuffer & { resize(bytes: number): void }).resize(20_000),
      { code: 'MILL_TOO_LARGE' },
    ],
  ]
  for (const [value, between, error] of cases) {
    const batch: { left?: PendingBatch } = {}
    const messages = [...plain.slice(0, 5), { key: 'k', value }, ...plain.slice(5)]
    t.throws(() => written(messages, between, made => (batch.left = made)), error as Error)
    t.equal(batch.left?.next, 5, 'those before it are written, and count')
  }
})
