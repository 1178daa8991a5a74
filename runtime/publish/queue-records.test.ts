/** What is written of a queue's messages: their priority and nothing else, in frames that are as small as the queue's bounds want. */
import { Arena, Memory, RingConsumer, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { FRAME_COUNT } from '../log/format/frame.ts'
import { type QueueFields, readQueueFields } from '../log/format/queue-fields.ts'
import { HAS_QUEUE_FIELDS, RECORD_HEADER_BYTES } from '../log/format/record.ts'
import { recordsFault } from '../log/format/records-fault.ts'
import { recordIn } from '../log/format/stored-record.ts'
import type { Key } from '../words/message.ts'
import { hashKey } from './key-hash.ts'
import { messageFields } from './message-fields.ts'
import { PartitionWriter } from './partition-writer.ts'
import { writeRecord } from './record-writer.ts'

const CAPACITY = 65_536
const NO_TTL = { messageTtlMs: Number.POSITIVE_INFINITY, keyConcurrency: Number.POSITIVE_INFINITY }

function house(frameRecords?: number) {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const words = arena.allocate(128)
  const address = arena.allocate(ringBytes(CAPACITY))
  const at = { address, capacity: CAPACITY, words, widest: CAPACITY }
  const writer = new PartitionWriter(memory, { ring: 1, partition: 0, host: 0, ...at }, 1, false, frameRecords)
  const consumer = new RingConsumer(memory, address, CAPACITY)
  return {
    write: (priority: number, key: Key | null = null, value: string | Uint8Array = 'value') =>
      writeRecord(memory, writer, key, value, null, undefined, 1_024, messageFields(priority, {}, NO_TTL)),
    writeFields: (fields: QueueFields | null, key: Key | null) =>
      writeRecord(memory, writer, key, 'value', null, undefined, 1_024, fields),
    /** All frames, sealed. */
    frames(): Buffer[] {
      writer.seal()
      const frames: Buffer[] = []
      consumer.poll()
      for (let frame = consumer.next(); frame > 0; frame = consumer.next()) {
        const length = memory.i32[frame >> 2] as number
        frames.push(Buffer.from(memory.u8.slice(frame, frame + length)))
        consumer.advance(length)
      }
      return frames
    },
  }
}

/** Where the records of a frame begin. */
function recordsOf(frame: Buffer): number[] {
  const records: number[] = []
  for (let at = 72; at < frame.length; at += (frame.readUInt32LE(at) + 7) & ~7) records.push(at)
  return records
}

t.test('a message has queue fields for its priority, and none where that is 0', async t => {
  const { write, frames } = house()
  const wide = 'ä'.repeat(7)
  for (const [priority, key] of [
    [0, 'a'],
    [31, null],
    [5, 'kéy'],
    [1, new Uint8Array([1, 2, 3])],
    [0, null],
  ] as const)
    t.equal(write(priority, key, wide), 0)
  t.equal(write(2, 'bytes', new Uint8Array(100).fill(7)), 0)
  const [frame, ...others] = frames()
  t.strictSame(others, [])
  if (frame === undefined) throw new Error('there is no frame')
  t.equal(recordsFault(frame), null)
  const priorities = recordsOf(frame).map(at => {
    if ((frame.readUInt16LE(at + 6) & HAS_QUEUE_FIELDS) === 0) return null
    const { priority, keyHash, id, ...others } = readQueueFields(frame, at + RECORD_HEADER_BYTES)
    t.ok(Object.values(others).every(part => part === null))
    t.equal(id, null)
    return [priority, keyHash | 0]
  })
  const hash = (key: Key): number => hashKey(key) | 0
  t.strictSame(priorities, [
    null,
    [31, 0],
    [5, hash('kéy')],
    [1, hash(new Uint8Array([1, 2, 3]))],
    null,
    [2, hash('bytes')],
  ])
  t.strictSame(
    recordsOf(frame).map((_, offset) => recordIn(frame, offset)?.priority),
    [undefined, 31, 5, 1, undefined, 2],
  )
  const found = recordIn(frame, 2)
  t.equal(found?.bytes.toString('utf8', found.keyStart, found.keyEnd), 'kéy')
  t.equal(found?.bytes.toString('utf8', found.valueStart, found.valueEnd), wide)
})

t.test('a message has its times behind its priority, and the hash of its key', async t => {
  const { writeFields, frames } = house()
  const due = messageFields(2, { delayMs: 5_000 }, NO_TTL)
  const expiring = messageFields(0, { delayMs: 5_000, ttlMs: 2 ** 32 }, NO_TTL)
  t.equal(writeFields(due, 'kéy'), 0)
  t.equal(writeFields(expiring, null), 0)
  const [frame] = frames()
  if (frame === undefined) throw new Error('there is no frame')
  t.equal(recordsFault(frame), null)
  const read = recordsOf(frame).map(at => readQueueFields(frame, at + RECORD_HEADER_BYTES))
  t.match(read[0], { priority: 2, expiresAt: null, keyHash: hashKey('kéy') >>> 0 })
  t.match(read[1], { priority: 0, keyHash: 0 })
  t.ok(Math.abs((read[1]?.expiresAt as number) - (read[1]?.notBefore as number) - 2 ** 32) < 1e-3)
  // On the wall clock, against when each was written.
  for (const [offset, { notBefore }] of read.entries())
    t.ok(Math.abs((notBefore as number) - (recordIn(frame, offset)?.timestamp as number) - 5_000) < 1_000)
  const found = recordIn(frame, 0)
  t.equal(found?.bytes.toString('utf8', found.valueStart, found.valueEnd), 'value')
})

t.test('a frame says that it has queue fields only if it has', async t => {
  const { write, frames } = house()
  t.throws(() => write(3, 'half \ud800'), { code: 'MILL_UNSERIALISABLE' })
  write(0)
  const [plain] = frames()
  write(1)
  const [queued] = frames()
  write(0)
  const [after] = frames()
  t.strictSame(
    [plain, queued, after].map(frame => frame?.readUInt16LE(6)),
    [0, 1, 0],
  )
  for (const frame of [plain, queued, after]) t.equal(recordsFault(frame as Buffer), null)
})

t.test('a frame has no more records than it may have', async t => {
  for (const most of [1, 3]) {
    const { write, frames } = house(most)
    for (let count = 0; count < 7; count++) write(0)
    const counts = frames().map(frame => frame.readUInt32LE(FRAME_COUNT))
    t.strictSame(counts, most === 1 ? [1, 1, 1, 1, 1, 1, 1] : [3, 3, 1])
  }
})
