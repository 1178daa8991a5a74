/**
 * Journals in memory for tests: entries whose bytes say which they are, and what recovery finds of them.
 */

import { crc32 } from 'node:zlib'
import type { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { BLOCK_HEADER_BYTES, blockBytes, readBlockHeader } from '../format/journal-format.ts'
import { type JournalEnd, type RecoveredBlock, recoverJournal } from '../recovery/journal-recovery.ts'
import { Journal } from './journal.ts'
import type { JournalEntry } from './journal-blocks.ts'

export const FOLDER = '/data'
export const LOG_ID: Buffer = Buffer.from('0123456789abcdef')
export const BYTES = 4_096
export const A: string = `${FOLDER}/host-3.journal-a`
export const B: string = `${FOLDER}/host-3.journal-b`

export interface Recovered {
  readonly blocks: RecoveredBlock[]
  readonly end: JournalEnd
}

export function recover(disk: MemoryDisk, logId: Uint8Array = LOG_ID, host = 3): Recovered {
  const blocks: RecoveredBlock[] = []
  const steps = recoverJournal(disk, FOLDER, host, logId)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return { blocks, end: step.value }
    blocks.push(step.value)
  }
}

export function start(
  disk: MemoryDisk,
  journalBytes: number = BYTES,
  firstBytes?: number,
  now?: () => number,
): Journal {
  return Journal.start(disk, FOLDER, 3, LOG_ID, { journalBytes, firstBytes, now, after: recover(disk).end })
}

/** An entry of one record whose bytes say which it is. */
export function entry(baseOffset: number, bytes = 100, partition = 0): JournalEntry {
  const body = Buffer.alloc(bytes, (baseOffset % 255) + 1)
  const half = bytes >> 1
  const parts = [body.subarray(0, half), body.subarray(half)]
  return { topic: 7, partition, baseOffset, endOffset: baseOffset + 1, parts, bytes }
}

export function offsets({ blocks }: Recovered): number[] {
  return blocks.map(({ baseOffset }) => baseOffset)
}

/** Whether each block is one that was appended, whole. */
export function areAsAppended(blocks: readonly RecoveredBlock[]): boolean {
  return blocks.every(
    ({ topic, baseOffset, endOffset, frames }) =>
      topic === 7 && endOffset === baseOffset + 1 && frames.every(byte => byte === (baseOffset % 255) + 1),
  )
}

/** Changes the headers of all blocks of a file that `change` takes, and signs them again. */
export function resign(disk: MemoryDisk, path: string, change: (header: Buffer, sequence: number) => void): void {
  const bytes = disk.bytesOf(path)
  for (let at = 0; ; ) {
    const block = readBlockHeader(bytes, at, { logId: LOG_ID, host: 3 }, at)
    if (typeof block === 'string') break
    const header = bytes.subarray(at, at + BLOCK_HEADER_BYTES)
    change(header, block.sequence)
    header.writeUInt32LE(crc32(header.subarray(0, BLOCK_HEADER_BYTES - 4)), BLOCK_HEADER_BYTES - 4)
    at += blockBytes(block.bodyBytes)
  }
  disk.put(path, bytes)
}

/** As code of before wrote it: all blocks are of version 1, and say nothing of their group commit. */
export function asFirstVersion(disk: MemoryDisk): void {
  for (const path of [A, B]) resign(disk, path, header => header.writeUInt16LE(1, 4) && header.writeUInt32LE(0, 80))
}

/** A small seeded generator of chance. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}
