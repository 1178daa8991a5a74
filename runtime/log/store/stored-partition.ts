/**
 * One partition of a log store: its log in segments, and its durable end.
 *
 * The partition host's thread owns it, through its store (log-store.ts), which alone appends, cuts and moves the marks.
 * Other code on that thread reads the offsets. Readers of other threads open files of their own by `folder` and
 * `settings`.
 */

import type { CutTail } from '../../wire/folder.ts'
import type { Disk } from '../disk/disk.ts'
import { describeFrame } from '../format/frame-scan.ts'
import type { LogSettings } from '../format/segment-format.ts'
import { LogReader } from '../read/log-reader.ts'
import { partitionFolder } from './log-place.ts'
import { PartitionLog } from './partition-log.ts'
import type { StoredTopic } from './stored-topic.ts'

/** Knowledge about a log before it is opened. */
export interface KnownLog {
  /** Everything below is durable. */
  readonly syncedTo: number
  /** Nothing was removed from there on; null: unknown. */
  readonly startOffset: number | null
  /** Written end of the log, as far as it is known (written-ends.ts). */
  readonly writtenTo?: number
}

export class StoredPartition {
  readonly topic: StoredTopic
  readonly partition: number
  readonly folder: string
  readonly settings: LogSettings
  /** For the store alone. */
  readonly log: PartitionLog
  /** Offset below which everything is durable and marked so. For the store alone. */
  syncedTo: number
  /** End of the records in the present journal. For the store alone. */
  journaledTo = 0
  readonly #cuts: CutTail[]

  private constructor(
    topic: StoredTopic,
    partition: number,
    settings: LogSettings,
    log: PartitionLog,
    syncedTo: number,
  ) {
    this.topic = topic
    this.partition = partition
    this.folder = log.folder
    this.settings = settings
    this.log = log
    this.syncedTo = syncedTo
    this.#cuts = [...log.cuts]
  }

  /** Opens its log, as `PartitionLog.open` does and with the same errors. */
  static open(
    disk: Disk,
    storeFolder: string,
    logId: Uint8Array,
    topic: StoredTopic,
    partition: number,
    { syncedTo, startOffset, writtenTo = 0 }: KnownLog,
  ): StoredPartition {
    const { segmentBytes, frameBytesMax } = topic
    const settings: LogSettings = { logId, topic: topic.topic, partition, segmentBytes, frameBytesMax }
    const folder = partitionFolder(storeFolder, topic.topic, partition)
    const isPromised = topic.durability === 'fsync'
    const log = PartitionLog.open(disk, folder, settings, syncedTo, { isPromised, startOffset })
    const stored = new StoredPartition(topic, partition, settings, log, syncedTo)
    if (log.endOffset < writtenTo) stored.#cuts.push(lostEnd(log, writtenTo))
    return stored
  }

  get startOffset(): number {
    return this.log.startOffset
  }

  get endOffset(): number {
    return this.log.endOffset
  }

  /** Whether it promises to survive a loss of power, by a journal. */
  get isJournalled(): boolean {
    return this.topic.durability === 'fsync'
  }

  /** Ends it where a pass began of which something is missing in another log; it was never acknowledged. @throws LogFileError, DiskError */
  cutPass(before: number): CutTail {
    const { bytes } = this.log
    this.log.truncateTo(before)
    const { activePath: file, activeBytes: position } = this.log
    const cut = {
      file,
      position,
      bytes: bytes - this.log.bytes,
      why: 'what was written with it is missing in another log',
    }
    this.#cuts.push(cut)
    return cut
  }

  /** Size of its segment files. */
  get bytes(): number {
    return this.log.bytes
  }

  /** Ends that were cut off its log at its opening. */
  get cuts(): readonly CutTail[] {
    return this.#cuts
  }

  /** Whether there are records that the marks do not cover. */
  get isDirty(): boolean {
    return this.log.endOffset !== this.syncedTo
  }

  /** Offset of the first record of the frame that holds this one. @throws LogFileError, DiskError */
  frameStart(disk: Disk, offset: number): number {
    const reader = new LogReader(disk, this.folder, this.settings)
    try {
      return describeFrame(reader.read(offset, this.endOffset, 0), 0, 0).baseOffset
    } finally {
      reader.close()
    }
  }
}

/** The end is missing, and the rest is whole. */
function lostEnd({ folder, endOffset, activePath, activeBytes }: PartitionLog, writtenTo: number): CutTail {
  const why = `the log in ${folder} ends at offset ${endOffset}, and was written up to ${writtenTo}`
  return { file: activePath, position: activeBytes, bytes: 0, why }
}
