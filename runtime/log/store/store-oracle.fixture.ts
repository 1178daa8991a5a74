/**
 * What each partition of a store may hold, and must: noted before it is written, and moved along by what was promised.
 */

import type { Disk } from '../disk/disk.ts'
import { frameOf, framesIn, readAll } from '../format/log-frames.fixture.ts'
import { LogReader } from '../read/log-reader.ts'
import type { StoreEntry } from './log-store-types.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'

interface Written {
  readonly baseOffset: number
  readonly endOffset: number
  readonly bytes: Buffer
}

export class PartitionOracle {
  readonly topic: StoredTopic
  readonly partition: number
  /** Everything that may be in the log, by offset. */
  #written: Written[] = []
  /** `append` has returned for everything below. */
  acked = 0
  /** That survives a loss of power. */
  durable = 0
  #startLeast = 0
  #startMost = 0

  constructor(topic: StoredTopic, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Frames to be appended at the end of the log, each of which is like no other; they may be there from now on. */
  entry(log: StoredPartition, records: number, valueBytes: number, timeMs: number, frames = 1): StoreEntry {
    const { endOffset: baseOffset } = log
    const parts: Buffer[] = []
    let endOffset = baseOffset
    for (let frame = 0; frame < frames; frame++) {
      const deltas = Array.from({ length: records }, (_, at) => at)
      const bytes = frameOf({ baseOffset: endOffset, deltas, baseTimestamp: timeMs, valueBytes })
      parts.push(bytes)
      this.#written.push({ baseOffset: endOffset, endOffset: endOffset + records, bytes })
      endOffset += records
    }
    const joined = Buffer.concat(parts)
    // Parts need not be frames, but are views of a ring.
    const half = joined.length >> 1
    const views = [joined.subarray(0, half), joined.subarray(half)]
    return { log, baseOffset, endOffset, maxTimestamp: timeMs + records - 1, parts: views, bytes: joined.length }
  }

  /** `append` has returned. */
  acknowledge(endOffset: number): void {
    this.acked = endOffset
    if (this.topic.durability === 'fsync') this.durable = endOffset
  }

  /** The log is about to be cut. */
  giveUp(endOffset: number): void {
    this.acked = Math.min(this.acked, endOffset)
    this.durable = Math.min(this.durable, endOffset)
  }

  /** It was cut, or recovered: nothing from there on may ever be there again. */
  endsAt(endOffset: number): void {
    this.#written = this.#written.filter(written => written.endOffset <= endOffset)
  }

  /** Retention is about to remove segments. */
  mayStartUpTo(endOffset: number): void {
    this.#startMost = endOffset
  }

  startsAt(startOffset: number): void {
    this.#startLeast = startOffset
    this.#startMost = startOffset
  }

  /** Power was lost: only what is durable was promised. */
  losePower(): void {
    this.acked = this.durable
  }

  /** What a log that was just opened holds is judged; from now on all of it is promised. Returns how many records there are. */
  recovered(disk: Disk, log: StoredPartition): number {
    const { startOffset, endOffset } = log
    const where = `topic ${this.topic.topic} partition ${this.partition}`
    if (endOffset < this.acked) throw new Error(`U1: ${where} ends at ${endOffset}, and ${this.acked} was acknowledged`)
    if (startOffset < this.#startLeast || startOffset > this.#startMost)
      throw new Error(`${where} starts at ${startOffset}, not from ${this.#startLeast} to ${this.#startMost}`)
    this.compare(disk, log)
    this.endsAt(endOffset)
    this.startsAt(startOffset)
    this.acked = endOffset
    this.durable = endOffset
    return endOffset - startOffset
  }

  /** Every byte of the log is one that was written. */
  compare(disk: Disk, { folder, settings, startOffset, endOffset }: StoredPartition): void {
    const where = `topic ${this.topic.topic} partition ${this.partition}`
    const reader = new LogReader(disk, folder, settings)
    const found = readAll(reader, startOffset, endOffset, 64 * 1024)
    reader.close()
    const known = new Map(this.#written.map(({ baseOffset, bytes }) => [baseOffset, bytes]))
    let next = startOffset
    for (const { baseOffset, endOffset: end, bytes } of framesIn(Buffer.concat(found))) {
      if (baseOffset !== next) throw new Error(`U2: ${where} goes on at ${baseOffset} instead of ${next}`)
      if (!known.get(baseOffset)?.equals(bytes))
        throw new Error(`U2: ${where} holds at ${baseOffset} what was never written, or was cut`)
      next = end
    }
  }
}
