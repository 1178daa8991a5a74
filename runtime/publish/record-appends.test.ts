/** A producer's appends where nothing but memory is real: what listeners publish on the way. */
import { FULL, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import type { PartitionWriter } from './partition-writer.ts'
import type { PartitionWriters } from './partition-writers.ts'
import { RecordAppends } from './record-appends.ts'
import type { RingChanges } from './ring-changes.ts'
import type { Unobserved } from './unobserved.ts'
import type { WaitingLine } from './waiting-line.ts'
import { WaitingRoom } from './waiting-room.ts'

const TOPIC: ProducedTopic = {
  id: 1,
  name: 'orders',
  partitions: 1,
  codec: 'string',
  maxMessageBytes: 1_000,
  onFull: 'reject',
  durability: 'memory',
}

t.test(
  'a message that finds its ring full goes as it is, also if a listener publishes another while it is looked at again',
  async t => {
    const memory = Memory.allocate(65_536)
    const written: string[] = []
    let isFull = true
    const address = 1_024
    const writer = {
      host: 0,
      ring: 1,
      index: 0,
      dirty: true,
      baseWasGiven: false,
      isOpen: false,
      unread: 0,
      reserve: () => (isFull ? FULL : address),
      append: (length: number) => written.push(Buffer.from(memory.u8.slice(address + 16, address + length)).toString()),
    }
    const room = new WaitingRoom()
    t.teardown(() => room.close())
    let drained: () => void = () => undefined
    const thread = {
      memory,
      sealAll: () => undefined,
      ringHost: () => undefined,
      drain: () => {
        drained()
        return true
      },
    }
    const appends = new RecordAppends(
      thread as unknown as AttachedThread,
      room,
      TOPIC,
      { all: [writer as unknown as PartitionWriter] } as unknown as PartitionWriters,
      { gate: null, passes: () => true, passesFree: false, hasBatches: false } as unknown as WaitingLine,
      { growing: new Map(), need: () => undefined } as unknown as RingChanges,
      {} as Unobserved,
    )
    drained = () => {
      isFull = false
      t.ok(appends.tryPublish({ key: 'b', value: 'of the listener' }, false))
    }
    t.ok(appends.tryPublish({ key: 'a', value: 'of the caller' }, false))
    t.strictSame(written, ['bof the listener', 'aof the caller'])
  },
)
