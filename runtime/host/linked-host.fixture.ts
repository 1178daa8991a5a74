/** A partition host without its thread, over memory of its own: a test makes its passes, and is the thread that publishes. */
import { Arena, Memory, ringBytes, windowBytes } from 'sharedarraybuffer-ring'
import { linkPlace } from '../link/link-place.fixture.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import { AttachedThread } from '../thread/attached-thread.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import { BROKER_BYTES, FAULT_BYTES, PARTITION_BYTES, THREAD_BELL, THREAD_BYTES } from '../wire/layout.ts'
import { MEMORY_TUNING } from '../wire/memory-tuning.ts'
import type { TopicShape } from '../wire/places.ts'
import { PartitionHost } from './partition-host.ts'

const TOPIC = 1
const THREAD = 1
const CAPACITY = 16_384

const shape: TopicShape = {
  id: TOPIC,
  name: 'orders',
  partitions: 0,
  codec: 'string',
  maxMessageBytes: 1_000,
  windowBytes: CAPACITY,
  onFull: 'wait',
  durability: 'memory',
  log: null,
}

export interface LinkedHost {
  readonly host: PartitionHost
  readonly thread: AttachedThread
  readonly notices: HostNotice[]
  /** Publishes a record as its thread does at the end of a turn; `hints` false: it dies before it says so. */
  publish(partition: number, hints?: boolean, value?: string): void
  /** Passes until none does anything, and those that rest are let go; returns the steps that this took. */
  rest(): number
  /** Records that a partition has. */
  recordsOf(partition: number): number
}

export function linkedHost(partitions: number): LinkedHost {
  const memory = Memory.allocate(2 ** 22 + partitions * (3 * CAPACITY + 4_096))
  const arena = new Arena(memory, 128)
  const link = linkPlace(arena)
  const address = arena.allocate(THREAD_BYTES)
  const thread = new AttachedThread(memory, {
    thread: THREAD,
    address,
    broker: arena.allocate(BROKER_BYTES),
    links: [link],
  })
  const notices: HostNotice[] = []
  const boot = {
    memory: memory.handle,
    host: 0,
    address: link.address,
    fault: arena.allocate(FAULT_BYTES),
    store: null,
    tuning: MEMORY_TUNING,
  }
  const host = new PartitionHost(boot, notice => void notices.push(notice))
  const places = Array.from({ length: partitions }, (_, partition) => {
    const words = arena.allocate(PARTITION_BYTES)
    const window = { address: arena.allocate(windowBytes(CAPACITY)), capacity: CAPACITY }
    const at = arena.allocate(ringBytes(CAPACITY))
    return {
      place: { topic: TOPIC, partition, host: 0, window, words, log: null },
      ring: { ring: 100 + partition, partition, host: 0, address: at, capacity: CAPACITY, words, widest: CAPACITY },
    }
  })
  host.calls.restore({
    threads: [{ thread: THREAD, bell: address + THREAD_BELL, link }],
    partitions: places.map(({ place }) => ({ place, topic: shape })),
    windows: [],
    letterIndexes: [],
    groups: [],
    slots: [],
    rings: places.map(({ ring }) => ({ place: ring, topic: TOPIC, thread: THREAD, after: 0 })),
    leaving: [],
  })
  const writers = places.map(({ ring }) => new PartitionWriter(memory, ring, THREAD))
  for (const writer of writers) thread.addWriter(writer)
  const publish = (partition: number, hints = true, value = 'one'): void => {
    const writer = writers[partition] as PartitionWriter
    const said = writeRecord(memory, writer, null, value, null, undefined, shape.maxMessageBytes)
    if (said !== 0) throw new Error(`a record was not taken: ${said}`)
    if (!hints) {
      writer.seal()
      return
    }
    thread.markDirty(writer)
    thread.sealAll()
  }
  const rest = (): number => {
    const before = host.residents.steps
    while (host.pass());
    host.residents.settle(performance.now())
    return host.residents.steps - before
  }
  const recordsOf = (partition: number): number =>
    host.calls.partitionStats?.(TOPIC).find(stats => stats.partition === partition)?.highWatermark ?? -1
  return { host, thread, notices, publish, rest, recordsOf }
}
