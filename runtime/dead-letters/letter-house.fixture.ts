/** Letters in a partition, as a group hasDeadLetters them and as an administrator looks at them; in memory or in a folder. */
import { Arena, Memory, windowBytes } from 'sharedarraybuffer-ring'
import { lettersIn, type StoredLetter } from '../api/stored-letter.ts'
import { deadLetterFrame } from '../group/dead-letter.ts'
import { HostStore } from '../host/host-store.ts'
import { NodeDisk, PRIVATE_MODES } from '../log/disk/node-disk.ts'
import { frameBytesMax, partitionFolder } from '../log/store/log-place.ts'
import { Joints } from '../partition/joints.ts'
import { PartitionActor } from '../partition/partition-actor.ts'
import { NO_LOANS } from '../partition/partition-house.fixture.ts'
import type { LetterCursor, LetterPage } from '../wire/letter-calls.ts'
import type { PartitionPlace, TopicShape } from '../wire/places.ts'
import type { LetterIndex } from './letter-index.ts'

export const WINDOW = 65_536
const LOG_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, at) => at + 1)
/** Small: each house fills two files of this size with zeroes. */
const JOURNAL_BYTES = 1 << 18
const NO_FRAMES: LetterPage = { frames: new Uint8Array(0), next: null }

/** A topic on disk; its segments are small, so that there are several. */
export function storedShape(id: number, name: string, segmentBytes = 65_536): TopicShape {
  const log = { segmentBytes, retentionMs: Number.POSITIVE_INFINITY, retentionBytes: Number.POSITIVE_INFINITY }
  return {
    id,
    name,
    partitions: 1,
    codec: 'bytes',
    maxMessageBytes: 48_000,
    windowBytes: WINDOW,
    onFull: 'wait',
    durability: 'os',
    log,
  }
}

/** Partitions in a folder as one thread has them. What is not closed is left as a killed process leaves it. */
export interface StoredHouse {
  readonly store: HostStore
  readonly memory: Memory
  readonly arena: Arena
  /** What the host was told of its disk. */
  readonly told: Error[]
  actor(topic: TopicShape, fault?: (point: number) => void): PartitionActor
  /** The same memory as a new thread finds it. */
  successor(): StoredHouse
}

export function storedHouse(dir: string): StoredHouse {
  const memory = Memory.allocate(1 << 20)
  return openHouse(dir, memory, new Arena(memory, 128), new Map())
}

function openHouse(dir: string, memory: Memory, arena: Arena, places: Map<number, PartitionPlace>): StoredHouse {
  const told: Error[] = []
  const place = { dir, held: null, modes: PRIVATE_MODES, logId: LOG_ID, journalBytes: JOURNAL_BYTES }
  const store = new HostStore(place, 0, [], {
    disk: new NodeDisk(),
    failed: error => told.push(error),
    cut: () => undefined,
    fault: () => undefined,
  })
  const actor = (topic: TopicShape, fault: (point: number) => void = () => undefined): PartitionActor => {
    const at = places.get(topic.id) ?? placeOf(dir, arena, topic)
    places.set(topic.id, at)
    const log = store.open(at, topic)
    return new PartitionActor(memory, at, topic, {
      fault,
      ringDrained: () => undefined,
      joints: new Joints(() => undefined),
      woken: () => undefined,
      took: () => undefined,
      log,
      windows: NO_LOANS,
    })
  }
  return { store, memory, arena, told, actor, successor: () => openHouse(dir, memory, arena, places) }
}

function placeOf(dir: string, arena: Arena, topic: TopicShape): PartitionPlace {
  const words = arena.allocate(128)
  return {
    topic: topic.id,
    partition: 0,
    host: 0,
    words,
    window: { address: arena.allocate(windowBytes(topic.windowBytes)), capacity: topic.windowBytes },
    log: {
      folder: partitionFolder(dir, topic.id, 0),
      logId: LOG_ID,
      topic: topic.id,
      partition: 0,
      segmentBytes: topic.log?.segmentBytes ?? 0,
      frameBytesMax: frameBytesMax(topic.maxMessageBytes),
      words,
    },
  }
}

/** Buries record `n`; false: there was no room. */
export function writeDeadLetter(actor: PartitionActor, n: number, cursor = 7, valueBytes = 1_000): boolean {
  const bytes = Buffer.alloc(valueBytes, n)
  const record = { bytes, attributes: 0, timestamp: n, recordStart: 0, keyStart: 0, keyEnd: 0, headers: null }
  const frame = deadLetterFrame(
    { ...record, valueStart: 0, valueEnd: valueBytes },
    {
      topic: 'orders',
      partition: 0,
      offset: n,
      group: 'g',
      cursor,
      reason: 'failed',
      failedAttempts: 1,
      firstMs: 1,
      lastMs: 2,
      error: {},
    },
  )
  return actor.appendLetter(frame, cursor) === 'appended'
}

export function deskOf({ letterIndex }: PartitionActor): LetterIndex {
  if (letterIndex === null) throw new Error('the partition takes no dead letters')
  return letterIndex
}

/** Pages from a cursor to the end, the bytes of each. */
export function pages(actor: PartitionActor, from: LetterCursor = { offset: 0, position: 0 }): Uint8Array[] {
  const found: Uint8Array[] = []
  let page: LetterPage = NO_FRAMES
  for (let cursor: LetterCursor | null = from; cursor !== null; cursor = page.next) {
    page = deskOf(actor).page(cursor)
    found.push(page.frames)
  }
  return found
}

export function open(actor: PartitionActor, from?: LetterCursor): StoredLetter[] {
  return pages(actor, from).flatMap(frames => lettersIn(frames, 'bytes', actor.topic.name, 0))
}

/** Records whose letters are open, from a cursor on. */
export function offsets(actor: PartitionActor, from?: LetterCursor): number[] {
  return open(actor, from).map(({ offset }) => offset)
}

/** Settles the letters of these records, as far as they are open. */
export function settle(actor: PartitionActor, ...wanted: readonly number[]): void {
  const marks = open(actor).filter(({ offset }) => wanted.includes(offset))
  deskOf(actor).settle(marks.map(({ letter, cursor }) => ({ offset: letter.offset, cursor })))
}
