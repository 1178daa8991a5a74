/** Both ways of keeping a partition, as all do it and where they differ. */
import { Memory, PIN_IDLE, ReaderPin, WindowReader, WindowWriter, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { News } from '../base/news.ts'
import { SettledLetters } from '../dead-letters/settled-letters.ts'
import { RECEIPT_FAILED } from '../link/link.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { LogStore } from '../log/store/log-store.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'
import { PARTITION_BYTES } from '../wire/layout.ts'
import { Appender } from './appender.ts'
import { DiskKeeping } from './disk-keeping.ts'
import type { HostDisk } from './host-disk.ts'
import {
  frame,
  type KeepingUnderTest,
  type KeptPartition,
  LETTERS,
  testKeeping,
  WINDOW,
} from './keeping-contract.fixture.ts'
import { LastCommit } from './last-commit.ts'
import { MadeFrames } from './made-frames.ts'
import { MemoryKeeping } from './memory-keeping.ts'
import { NearReaders } from './near-readers.ts'
import { PartitionDisk } from './partition-disk.ts'
import { PartitionEnd } from './partition-end.ts'
import { NO_LOANS } from './partition-house.fixture.ts'
import { StoredWindow } from './stored-window.ts'
import { UnreadWord } from './unread-word.ts'

const GATE = LETTERS + 128
const WORDS = GATE + 128
const DATA: number = WORDS + PARTITION_BYTES

/** A window and its end, as a thread finds them. */
function ends(memory: Memory, bytes = WINDOW) {
  const window = new WindowWriter(memory, DATA, bytes)
  const reader = new WindowReader(memory, DATA, bytes)
  const unread = new UnreadWord(memory, WORDS, { groups: new Map(), readers: new Map() })
  return { window, reader, end: new PartitionEnd(new LastCommit(window.own), window, unread, () => undefined) }
}

function shared(bytes = WINDOW): Memory {
  return Memory.allocate(DATA + windowBytes(bytes))
}

function inMemory(): KeepingUnderTest {
  const memory = shared()
  return {
    open(): KeptPartition {
      const { window, reader, end } = ends(memory)
      return { window, reader, end, keeping: new MemoryKeeping(memory, [window, reader], end, new News()) }
    },
    hold({ window }: KeptPartition): () => void {
      memory.store(GATE, window.start)
      window.gates.push(GATE)
      return () => memory.store(GATE, window.end)
    },
  }
}

/**
 * A partition in the log store of a disk in memory; `failure`: the host's disk has failed with this. `bytes`: of its window. `committed`: by a
 * group that reads.
 */
function onDisk(
  host: { failure: number | null } = { failure: null },
  bytes = WINDOW,
  committed: readonly number[] = [],
): KeepingUnderTest {
  const memory = shared(bytes)
  const disk = new MemoryDisk()
  const topic = {
    topic: 1,
    durability: 'fsync',
    segmentBytes: 65_536,
    frameBytesMax: 8_192,
    retention: { bytesMax: null, ageMaxMs: null },
  } as const
  const logs = LogStore.open(disk, '/data', 0, Buffer.alloc(16, 1), [{ topic, partition: 0 }], { journalBytes: 65_536 })
  let settled = new SettledLetters(0)
  const hostDisk: HostDisk = {
    get failure() {
      return host.failure
    },
    error: null,
    settledOf: () => {
      throw new Error('a topic has no messages')
    },
    commit: () => undefined,
    syncSettled: () => true,
    letters: {
      of: () => settled,
      write(_topic, _partition, change) {
        settled = new SettledLetters(change.below, change.pieces)
      },
    },
    attempt(act) {
      if (host.failure !== null) return false
      act()
      return true
    },
  }
  const stored = logs.partition(topic, 0)
  return {
    open(): KeptPartition {
      const { window, reader, end } = ends(memory, bytes)
      const lent = new StoredWindow({ topic: 1, partition: 0 }, [window, reader], bytes, bytes, NO_LOANS, () => false)
      const partition = new PartitionDisk(hostDisk, disk, logs, stored, WORDS)
      const source = {
        groups: new Map(),
        get highWatermark() {
          return end.offset
        },
      }
      const groups = new Map(committed.map((offset, cursor) => [cursor, { committed: () => offset }]))
      const near = new NearReaders({ groups, readers: groups })
      const parts = [window, reader] as const
      return { window, reader, end, keeping: new DiskKeeping(memory, parts, partition, end, lent, source, near) }
    },
    hold({ window }: KeptPartition): () => void {
      memory.store(GATE, PIN_IDLE)
      window.pins.add(GATE)
      const reader = new ReaderPin(memory, DATA, GATE)
      if (reader.enterOldest() !== window.start) throw new Error('the reader did not get in')
      return () => reader.leave()
    },
  }
}

testKeeping('memory', inMemory)
testKeeping('disk', () => onDisk())

t.test('without a group a partition in memory drops its oldest frames, and counts them', async t => {
  const kept = inMemory().open()
  const appender = new Appender(kept.window, kept.end, kept.keeping, 'orders', () => undefined)
  for (let n = 0; n < 6; n++) t.equal(appender.append(new MadeFrames(frame(n))), 'appended')
  t.equal(kept.end.last.dropped, 2)
  t.equal(kept.keeping.records.startOffset, 2)
})

t.test('what the disk does not take is answered with its failure, and readers see nothing of it', async t => {
  const host: { failure: number | null } = { failure: null }
  const kept = onDisk(host).open()
  const appender = new Appender(kept.window, kept.end, kept.keeping, 'orders', () => undefined)
  t.equal(appender.append(new MadeFrames(frame(0))), 'appended')
  const answers: (number | null)[] = []
  class Heard extends MadeFrames {
    override answer(failure: number | null = null): void {
      answers.push(failure)
    }
  }
  t.equal(appender.take(new Heard(frame(1)), false), frame(1).length)
  t.equal(appender.append(new MadeFrames(frame(2))), 'later', 'while something is staged nothing else is taken')
  appender.failStaged(RECEIPT_FAILED)
  t.equal(kept.reader.end(), frame(0).length)
  t.equal(kept.end.offset, 1)
  host.failure = RECEIPT_FAILED
  t.equal(appender.append(new Heard(frame(3))), 'later', 'a letter waits')
  t.equal(appender.take(new Heard(frame(4)), false), frame(4).length, 'a producer is told')
  t.strictSame(answers, [RECEIPT_FAILED, RECEIPT_FAILED])
})

/** How many frames of a ring a partition on disk takes before it waits, with a group at these offsets. */
function takenOf(committed: readonly number[], bytes: number): number {
  const kept = onDisk(undefined, bytes, committed).open()
  const appender = new Appender(kept.window, kept.end, kept.keeping, 'orders', () => undefined)
  const framesMax = 2 * Math.ceil(bytes / 7_000)
  for (let n = 0; n < framesMax; n++) {
    if (appender.take(new MadeFrames(frame(n, 7_000)), false) === 0) return n
    if (appender.staged === null || !kept.keeping.write(appender.staged)) throw new Error(`${n} was not written`)
    appender.commitStaged()
  }
  return framesMax
}

t.test('on disk a ring waits for a group that would fall out of the window, and has not yet', async t => {
  const bytes = 262_144
  const frames = Math.floor(bytes / frame(0, 7_000).length)
  t.equal(takenOf([0], bytes), frames)
  t.equal(takenOf([3, 1_000], bytes), frames + 3)
  t.equal(takenOf([1_000], bytes), 2 * Math.ceil(bytes / 7_000), 'of one that is ahead nothing is given up')
  t.equal(takenOf([0], bytes >> 1), 2 * Math.ceil((bytes >> 1) / 7_000), 'a small window is not worth a wait')
})

t.test('on disk what a host makes itself does not wait for readers, nor does a ring for ever', async t => {
  const kept = onDisk(undefined, 262_144, [0]).open()
  const appender = new Appender(kept.window, kept.end, kept.keeping, 'orders', () => undefined)
  const filled = Math.floor(262_144 / frame(0, 7_000).length)
  for (let n = 0; n < filled + 2; n++) t.equal(appender.append(new MadeFrames(frame(n, 7_000))), 'appended')
  t.equal(appender.take(new MadeFrames(frame(filled + 2, 7_000)), false), 0)
  t.ok(appender.isCut)
  t.notOk(kept.keeping.mayHaveRoom())
  const since = performance.now()
  while (appender.take(new MadeFrames(frame(filled + 2, 7_000)), false) === 0)
    if (performance.now() - since > 30_000) throw new Error('it waits for ever')
  t.ok(performance.now() - since > 0.5, 'it has waited')
  t.ok(kept.keeping.write(appender.staged as StoreEntry))
  appender.commitStaged()
  t.equal(appender.append(new MadeFrames(frame(filled + 3, 7_000))), 'appended')
})
