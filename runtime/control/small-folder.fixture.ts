/**
 * A broker's folder in memory with a little of everything that is kept, made and opened by the functions that a broker calls,
 * without its threads.
 *
 * `made` keeps what it should hold. `openFolder` opens it as a broker does, and tells what it found and what it was told of ends
 * that were not whole.
 */

import { crc32 } from 'node:zlib'
import { Memory } from 'sharedarraybuffer-ring'
import { LetterStates } from '../dead-letters/letter-states.ts'
import type { SettledChange } from '../dead-letters/settled-letters.ts'
import type { GroupActor } from '../group/group-actor.ts'
import type { GroupState } from '../group/group-state.ts'
import { GroupStates } from '../group/group-states.ts'
import { HostStore } from '../host/host-store.ts'
import type { Disk } from '../log/disk/disk.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { PRIVATE_MODES } from '../log/disk/node-disk.ts'
import { readAll } from '../log/format/log-frames.fixture.ts'
import { LogReader } from '../log/read/log-reader.ts'
import { storedTopic } from '../log/store/log-place.ts'
import { entryOf } from '../log/store/log-store.fixture.ts'
import { LogStore } from '../log/store/log-store.ts'
import { SettledLog, settledPath } from '../log/store/settled-log.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import type { CutTail } from '../wire/folder.ts'
import type { PartitionPlace, TopicShape } from '../wire/places.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import { Exchanges } from './exchanges.ts'
import { KeptStates } from './kept-states.ts'
import { openDirectory } from './open-directory.ts'

export const DIR = '/data'
const JOURNAL_BYTES = 8_192
const SEGMENT_BYTES = 2_048
const MEMBER = 9
/** With its header a frame has so many bytes that one ends where a piece of 512 bytes does. */
const VALUE_BYTES = 136

export function shapeOf(id: number, name: string, durability: 'os' | 'fsync'): TopicShape {
  const log = { segmentBytes: SEGMENT_BYTES, retentionMs: Number.POSITIVE_INFINITY, retentionBytes: 1e9 }
  const codec = 'json' as const
  const rest = { codec, maxMessageBytes: 4_096, onFull: 'wait' as const, windowBytes: 65_536 }
  return { id, name, partitions: 1, durability, log, ...rest }
}

export const TOPICS: readonly TopicShape[] = [
  shapeOf(1, 'orders', 'fsync'),
  shapeOf(2, 'clicks', 'os'),
  shapeOf(3, 'orders.g.dlq', 'fsync'),
]

/** All that a folder holds, in a form that can be compared. */
export interface Contents {
  readonly catalog: unknown
  readonly snapshots: unknown
  readonly producers: unknown
  readonly groups: unknown
  readonly letters: unknown
  /** What is settled of the first topic, as if it were a queue. */
  readonly settled: unknown
  /** Frames of each topic. */
  readonly logs: readonly (readonly Buffer[])[]
}

export interface MadeFolder {
  readonly disk: MemoryDisk
  readonly contents: Contents
}

function groupAt(committed: number): GroupActor {
  const state: GroupState = {
    committed,
    ceiling: committed,
    passedOver: 0,
    skipped: 0,
    deadLettered: 1,
    failed: 2,
    letters: 1,
    failures: [],
    beyond: [],
  }
  return { place: { cursor: MEMBER }, state: () => state } as unknown as GroupActor
}

function keptIn(disk: Disk, { logId }: BrokerDirectory, name: string): KeptStates<unknown> {
  return new KeptStates(disk, { path: `${DIR}/${name}`, logId })
}

/** Makes the folder; `isClosed`: and closes it in good order, instead of dying with it open. */
export function makeFolder(isClosed: boolean): MadeFolder {
  const disk = new MemoryDisk()
  const directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  const { logId } = directory
  directory.reserveIds(10)
  for (const shape of TOPICS) directory.keepTopic({ shape, deadLettersOf: shape.id === 3 ? [1] : [] })
  directory.groups.keep(1, 'g', [MEMBER])
  directory.exchanges.declare({ id: 4, name: 'events', type: 'topic', alternate: null })
  directory.exchanges.bind({ exchange: 4, kind: 'topic', target: 1, by: 'orders.#' })
  directory.exchanges.bind({ exchange: 4, kind: 'topic', target: 2, by: 'clicks.#' })
  directory.schedules.keep({ name: 'nightly', definition: '{"cron":"0 3 * * *"}', progress: '0' })
  const states = ['snapshots', 'producers'].map(name => keptIn(disk, directory, name))
  const store = LogStore.open(disk, DIR, 0, logId, [], { journalBytes: JOURNAL_BYTES })
  const groups = new GroupStates(disk, `${DIR}/host-0.groups`, logId)
  const letters = new LetterStates(disk, `${DIR}/host-0.letters`, logId)
  const settled = SettledLog.open(disk, settledPath(DIR, 0), logId)
  const logs = TOPICS.map(shape => store.partition(storedTopic(shape, shape.log as never), 0))
  for (const { name } of TOPICS) directory.topicMade(name)
  for (let round = 0; round < 24; round++) {
    store.append(logs.map(log => entryOf(log, VALUE_BYTES)))
    if (round % 6 === 0) {
      directory.schedules.decide('nightly', `${round}`)
      for (const kept of states) kept.keep('one', { round, text: 'x'.repeat(60) }, true)
      groups.write([groupAt(round)])
      settled.write([{ topic: 1, partition: 0, settled: [[round, round + 3]], out: [[round + 3, round + 4]] }])
      letters.write(3, 0, { below: round, pieces: new Map() } as SettledChange)
    }
    if (round === 12) {
      groups.sync()
      letters.sync()
      settled.sync()
      store.tend(1_000_000)
      disk.settle()
    }
  }
  if (isClosed) {
    groups.close()
    letters.close()
    settled.close()
    store.close()
    for (const kept of states) kept.close()
    directory.close()
  }
  const left = disk.copy()
  // Their timers would go on; what they do is done to another disk now.
  for (const kept of isClosed ? [] : states) kept.close()
  return { disk: left, contents: openFolder(left.copy()).contents }
}

export interface OpenedFolder {
  readonly contents: Contents
  readonly told: readonly CutTail[]
}

/** Opens the folder as a broker with one partition host does, and reads all of it. @throws MillraceError */
export function openFolder(disk: Disk): OpenedFolder {
  const directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  const told: CutTail[] = [...directory.cuts]
  const { logId } = directory
  const kept: KeptStates<unknown>[] = []
  try {
    for (const name of ['snapshots', 'producers']) kept.push(keptIn(disk, directory, name))
    for (const { torn } of kept) if (torn !== null) told.push(torn)
    const host = new HostStore(
      { dir: DIR, held: null, modes: PRIVATE_MODES, logId, journalBytes: JOURNAL_BYTES },
      0,
      [],
      {
        disk,
        failed: () => undefined,
        cut: cuts => void told.push(...cuts),
        fault: () => undefined,
      },
    )
    const ends = new Map<number, { readonly startOffset: number; readonly endOffset: number }>()
    const logs = directory.topics().map(({ shape }) => {
      const place = { topic: shape.id, partition: 0, log: { words: 0 } } as unknown as PartitionPlace
      const { stored } = host.open(place, shape) as PartitionDisk
      ends.set(shape.id, stored)
      return readAll(new LogReader(disk, stored.folder, stored.settings), stored.startOffset, stored.endOffset)
    })
    const settled = host.settledOf(1, 0, ends.get(1) ?? { startOffset: 0, endOffset: 0 })
    const contents = {
      catalog: [
        directory.topics(),
        directory.groups.cursors(1, 'g'),
        directory.hosts,
        new Exchanges(Memory.allocate(256), 128, directory).since({ seen: 0, generation: 0 }).changes,
        directory.schedules.all(),
      ],
      snapshots: kept[0]?.get('one'),
      producers: kept[1]?.get('one'),
      groups: host.states.get(MEMBER),
      letters: host.letters.of(3, 0).below,
      settled: settled.isEmpty ? undefined : [settled.floor, settled.settled.ranges(), settled.out.ranges()],
      logs,
    }
    return { contents, told }
  } finally {
    for (const each of kept) each.close()
  }
}

/** The identity of a folder as an earlier version had it. */
export function asVersion(version: number, identity: Buffer): Buffer {
  identity.writeUInt32LE(version, 4)
  identity.writeUInt32LE(crc32(identity.subarray(0, 28)), 28)
  return identity
}
