/** A log store on a simulated disk that records its calls, with small frames to append. */
import { Chance } from '../../proof/sim/chance.ts'
import { SimDisk } from '../../proof/sim/sim-disk.ts'
import type { Disk } from '../disk/disk.ts'
import { FaultyDisk } from '../disk/faulty-disk.fixture.ts'
import { frameOf, readAll } from '../format/log-frames.fixture.ts'
import { LogReader } from '../read/log-reader.ts'
import { LogStore } from './log-store.ts'
import type { LogStoreOptions, StoreEntry } from './log-store-types.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'

export const ROOT = '/data'
export const STORE_ID: Buffer = Buffer.from('0123456789abcdef')

function topicOf(topic: number, durability: 'os' | 'fsync', bytesMax: number | null = null): StoredTopic {
  return { topic, durability, segmentBytes: 4096, frameBytesMax: 2048, retention: { bytesMax, ageMaxMs: null } }
}

export const ORDERS: StoredTopic = topicOf(1, 'fsync')
export const CLICKS: StoredTopic = topicOf(2, 'os')
export const BRIEF: StoredTopic = topicOf(3, 'fsync', 5000)
export const PARTITIONS: readonly { readonly topic: StoredTopic; readonly partition: number }[] = [
  { topic: ORDERS, partition: 0 },
  { topic: ORDERS, partition: 1 },
  { topic: CLICKS, partition: 0 },
  { topic: BRIEF, partition: 0 },
]

export class StoreBench {
  readonly sim: SimDisk = new SimDisk()
  disk: FaultyDisk = new FaultyDisk(this.sim, act => this.sim.later(act))

  open(options: LogStoreOptions = {}, partitions: typeof PARTITIONS = PARTITIONS, host = 0): LogStore {
    return LogStore.open(this.disk, ROOT, host, STORE_ID, partitions, { journalBytes: 8192, ...options })
  }

  /** The process ends; everything that was not durable is lost. */
  losePower(): void {
    // Of all that may survive nothing is the worst, and is drawn soon.
    this.sim.powerCut(new Chance(LOSES_ALL))
    this.disk = new FaultyDisk(this.sim, act => this.sim.later(act))
  }

  /** The process ends, and nothing is lost. */
  crash(): void {
    this.sim.crash()
    this.disk = new FaultyDisk(this.sim, act => this.sim.later(act))
  }

  /** Calls of these operations since the last question, without those that only look. */
  changes(): string[] {
    const calls = this.disk.trace('write', 'sync', 'syncLater', 'syncDirectory', 'remove', 'rename', 'truncate')
    this.disk.calls.length = 0
    return calls.map(call => call.replace(/ 0*(?=\d)/, ' '))
  }

  /** Bytes read from files of such names since the last question. */
  bytesRead(path: RegExp): number {
    let bytes = 0
    for (const call of this.disk.calls)
      if (call.operation === 'read' && path.test(call.path)) bytes += call.bytes as number
    this.disk.calls.length = 0
    return bytes
  }
}

/** The seed of a loss of power that takes everything. */
const LOSES_ALL: number = seedThat(chance => {
  // As SimDisk draws: the share of bytes that survives, that of torn ones, and that of names.
  const [bytes, , names] = [chance.below(5), chance.below(3), chance.below(5)]
  return bytes === 0 && names === 0
})

function seedThat(fits: (chance: Chance) => boolean): number {
  for (let seed = 1; ; seed++) if (fits(new Chance(seed))) return seed
}

/** One frame of a record each, like no other. */
export function entryOf(
  log: StoredPartition,
  valueBytes = 100,
  baseOffset: number = log.endOffset,
  timeMs = 1000,
): StoreEntry {
  const frame = frameOf({ baseOffset, deltas: [0], baseTimestamp: timeMs, valueBytes })
  return { log, baseOffset, endOffset: baseOffset + 1, maxTimestamp: timeMs, parts: [frame], bytes: frame.length }
}

/** Everything that a log holds. */
export function contentOf(disk: Disk, { folder, settings, startOffset, endOffset }: StoredPartition): Buffer {
  const reader = new LogReader(disk, folder, settings)
  const frames = readAll(reader, startOffset, endOffset)
  reader.close()
  return Buffer.concat(frames)
}
