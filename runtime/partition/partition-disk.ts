/**
 * The log of one partition on disk, as its actor uses it.
 *
 * The partition host's thread. Reading here is for what is rare: a record that becomes a dead letter after it has left the
 * window, and letters that someone looks at. Readers of groups have files of their own, on their threads.
 */

import type { WindowReader } from 'sharedarraybuffer-ring'
import type { LetterLog } from '../dead-letters/letter-log.ts'
import type { SettledChange as LetterChange, SettledLetters } from '../dead-letters/settled-letters.ts'
import { RECEIPT_APPENDED } from '../link/link.ts'
import type { Disk } from '../log/disk/disk.ts'
import {
  FRAME_BASE_SEQUENCE,
  FRAME_PRODUCER_EPOCH,
  FRAME_PRODUCER_ID,
  FRAME_RING,
  FRAME_RING_END,
  frameEnd,
  frameStart,
  NAMED_EPOCH,
} from '../log/format/frame.ts'
import type { SettledChange } from '../log/format/settled-change.ts'
import { recordIn, type StoredRecord } from '../log/format/stored-record.ts'
import { LogReader } from '../log/read/log-reader.ts'
import type { AppendedFrames } from '../log/store/active-segment.ts'
import type { LogStore } from '../log/store/log-store.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { StoredPartition } from '../log/store/stored-partition.ts'
import type { Offset, RingId } from '../words/quantities.ts'
import type { HostDisk } from './host-disk.ts'
import type { Answer } from './incoming-ring.ts'
import type { KeptRecords } from './kept-records.ts'

const READ_BYTES = 65_536

export class PartitionDisk implements KeptRecords, LetterLog {
  readonly stored: StoredPartition
  /** Address of the partition's words, by which readers are told how far the log may be read. */
  readonly words: number
  readonly #host: HostDisk
  readonly #disk: Disk
  readonly #logs: LogStore

  constructor(host: HostDisk, disk: Disk, logs: LogStore, stored: StoredPartition, words: number) {
    this.#host = host
    this.#disk = disk
    this.#logs = logs
    this.stored = stored
    this.words = words
  }

  get failure(): number | null {
    return this.#host.failure
  }

  /** The same, for who is to be told. */
  get error(): Error | null {
    return this.#host.error
  }

  get queueScanBytes(): number | undefined {
    return this.#host.queueScanBytes
  }

  get startOffset(): Offset {
    return this.stored.startOffset
  }

  get endOffset(): Offset {
    return this.stored.endOffset
  }

  get bytes(): number {
    return this.stored.bytes
  }

  /** Drops what a host wrote that died before it committed it. */
  truncateTo(endOffset: Offset): void {
    if (this.stored.endOffset > endOffset) this.#logs.truncateTo(this.stored, endOffset)
  }

  /** The frames between two positions of the window, as the log takes them: they are written from where they are. */
  entry(window: WindowReader, from: number, to: number, frames: AppendedFrames): StoreEntry {
    const bytes = (to - from) | 0
    const first = Math.min(bytes, window.untilWrap(from))
    const parts = [from, (from + first) | 0].flatMap((position, index) => {
      const length = index === 0 ? first : bytes - first
      const address = window.addressOf(position)
      return length === 0 ? [] : [window.memory.u8.subarray(address, address + length)]
    })
    return { log: this.stored, ...frames, parts, bytes }
  }

  /** A group commit of its own; false: the disk has failed. */
  append(entry: StoreEntry): boolean {
    return this.#host.attempt(() => this.#logs.append([entry]))
  }

  /** Which of its dead letters are settled, as it was kept last. */
  settledLetters(): SettledLetters {
    const { topic, partition } = this.stored
    return this.#host.letters.of(topic.topic, partition)
  }

  /** Keeps it from now on; false: the disk has failed. */
  keepSettled(change: LetterChange): boolean {
    const { topic, partition } = this.stored
    return this.#host.attempt(() => this.#host.letters.write(topic.topic, partition, change))
  }

  /** Topic and partition, by their numbers. */
  get place(): { readonly topic: number; readonly partition: number } {
    const { topic, partition } = this.stored
    return { topic: topic.topic, partition }
  }

  /** What is written down of the queue whose messages these are, before anything is appended. It is live. @throws MillraceError MILL_DISK, MILL_CORRUPT */
  openSettled(): SettledState {
    const { topic, partition } = this.place
    return this.#host.settledOf(topic, partition, this)
  }

  /** Writes down what became of messages, by itself; false: the disk has failed. */
  writeSettled(settled: SettledChange): boolean {
    let isWritten = false
    const committed = (): void => {
      isWritten = true
    }
    this.#host.commit([{ frames: [], settled, committed, failed: () => undefined }])
    return isWritten
  }

  /** The same, and it survives a loss of power whatever the queue promises; false: the disk has failed. */
  writeSettledForGood(settled: SettledChange): boolean {
    return this.writeSettled(settled) && this.#host.syncSettled()
  }

  /** What was written down survives a loss of power, if the queue promises that; false: the disk has failed. */
  syncSettled(): boolean {
    return this.stored.topic.durability === 'fsync' ? this.#host.syncSettled() : this.#host.failure === null
  }

  /** Does something on the disk; false: it has failed, before or now. */
  attempt(act: () => void): boolean {
    return this.#host.attempt(act)
  }

  /** A reader of the log, for who closes it; `scratch`: what it reads into (LogReader). */
  reader(scratch: Buffer | null = null): LogReader {
    return new LogReader(this.#disk, this.stored.folder, this.stored.settings, scratch)
  }

  record(offset: Offset, endOffset: Offset): StoredRecord | null {
    if (offset < this.startOffset) return null
    for (const frame of this.frames(offset, endOffset)) return recordIn(frame, offset)
    return null
  }

  sequencesOf(producerId: number, from: number, endOffset: Offset): Set<number> {
    const found = new Set<number>()
    for (const frame of this.frames(Math.max(from, this.startOffset), endOffset))
      if (frame.readInt32LE(FRAME_RING) === 0 && frame.readDoubleLE(FRAME_PRODUCER_ID) === producerId)
        found.add(frame.readInt32LE(FRAME_BASE_SEQUENCE))
    return found
  }

  answersOf(ring: RingId, from: number, endOffset: Offset): Answer[] {
    const answers: Answer[] = []
    for (const frame of this.frames(Math.max(from, this.startOffset), endOffset))
      if (frame.readInt32LE(FRAME_RING) === ring)
        answers.push({
          ringEnd: frame.readInt32LE(FRAME_RING_END),
          baseOffset: frameStart(frame),
          status: RECEIPT_APPENDED,
        })
    return answers
  }

  offsetAt(timeMs: number, endOffset: Offset): number {
    const reader = this.reader()
    try {
      return reader.offsetAt(timeMs, endOffset)
    } catch (error) {
      throw storeError(error)
    } finally {
      reader.close()
    }
  }

  lastSequence(producerId: number, from: number, endOffset: Offset): number | null {
    let last: number | null = null
    for (const frame of this.frames(Math.max(from, this.startOffset), endOffset))
      if (
        frame.readUInt32LE(FRAME_PRODUCER_EPOCH) === NAMED_EPOCH &&
        frame.readDoubleLE(FRAME_PRODUCER_ID) === producerId
      )
        last = frame.readInt32LE(FRAME_BASE_SEQUENCE)
    return last
  }

  /** Whole frames, each by itself, from the one that holds `offset` on. @throws MillraceError MILL_DISK, MILL_CORRUPT */
  *frames(offset: Offset, endOffset: Offset): Generator<Buffer> {
    const reader = this.reader()
    try {
      for (let from = offset; from < endOffset; ) {
        const bytes = reader.read(from, endOffset, READ_BYTES)
        if (bytes.length === 0) return
        for (let at = 0; at < bytes.length; ) {
          const frame = bytes.subarray(at, at + bytes.readInt32LE(at))
          at += frame.length
          from = frameEnd(frame)
          yield frame
        }
      }
    } catch (error) {
      throw storeError(error)
    } finally {
      reader.close()
    }
  }
}
