/**
 * Writes the messages of a batch into the open frames of their partitions: those that are like most by a short way.
 *
 * The producer's thread. Most batches have texts as keys, whose bytes are kept since they were hashed (batch-keys.ts), bytes as values,
 * and nothing else. Of such a batch everything rare is looked for once, and not for each of its messages.
 */
import { FULL } from 'sharedarraybuffer-ring'
import { HAS_KEY, RECORD_HEADER_BYTES, VALUE_ALIGNED } from '../log/format/record.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Key } from '../words/message.ts'
import { hasKeys, keptWords, wordsOf } from './batch-keys.ts'
import { writeMessage } from './message-writer.ts'
import { LATER, type PartitionChoice, runOf } from './partition-choice.ts'
import type { PartitionWriter } from './partition-writer.ts'
import type { PendingBatch } from './pending-batch.ts'
import { sizeOfEncoded } from './record-writer.ts'
import type { RingChanges } from './ring-changes.ts'
import { ALIGN_BYTES, SHIFT_BYTES, writeBytes } from './value-writer.ts'

export class BatchWriter {
  readonly #thread: AttachedThread
  readonly #writers: readonly PartitionWriter[]
  readonly #rings: RingChanges
  readonly #choice: PartitionChoice

  /** `writers`: by partition. */
  constructor(
    thread: AttachedThread,
    writers: readonly PartitionWriter[],
    rings: RingChanges,
    choice: PartitionChoice,
  ) {
    this.#thread = thread
    this.#writers = writers
    this.#rings = rings
    this.#choice = choice
  }

  /**
   * Writes the messages up to an index; false: the one at `next` has no room.
   *
   * @throws MillraceError MILL_TOO_LARGE
   */
  write(batch: PendingBatch, end: number, maxMessageBytes: number): boolean {
    const { prepared, sequences } = batch
    if (batch.next === 0 && hasKeys(prepared.keysNumber) && prepared.isPlain && sequences === null)
      this.#writePlain(batch, Math.min(end, prepared.keptKeys), maxMessageBytes)
    while (batch.next < end) if (!this.#writeNext(batch, maxMessageBytes)) return false
    return true
  }

  /**
   * From the first on up to an index, or to one that is not plain or has no room. Each is taken as it is written: a value may have been
   * detached since it was read, and throws. Nothing stands behind the loop: V8 would leave its code for that each time, if it was compiled
   * while the first batch was written.
   */
  #writePlain(batch: PendingBatch, end: number, maxMessageBytes: number): void {
    const { keys, values, partitions } = batch.prepared
    const { memory } = this.#thread
    const words = memory.i32
    if (this.#rings.growing.size > 0) return
    for (let next = 0, from = 0; next < end; next++) {
      const value = values[next] as string | Uint8Array | null
      if (value === null || typeof value === 'string') break
      const key = keys[next] as string
      const writer = this.#writers[partitions[next] as number] as PartitionWriter
      const keyLength = key.length
      // A value over a buffer that grows may be longer than when it was checked.
      const valueLength = value.length
      if (writer.baseWasGiven || keyLength + valueLength > maxMessageBytes) break
      const room = RECORD_HEADER_BYTES + keyLength + ALIGN_BYTES + valueLength + SHIFT_BYTES
      const address = writer.reserve(room, undefined)
      if (address < 0) break
      const at = address >> 2
      const keyAt = at + (RECORD_HEADER_BYTES >> 2)
      const keyWords = wordsOf(key)
      for (let word = 0; word < keyWords; word++) words[keyAt + word] = keptWords[from + word] as number
      from += keyWords
      const valueAt = (address + RECORD_HEADER_BYTES + keyLength + ALIGN_BYTES) & ~ALIGN_BYTES
      writeBytes(memory, value, valueAt, valueLength)
      const length = valueAt + valueLength - address
      words[at] = length
      words[at + 1] = writer.index | ((HAS_KEY | VALUE_ALIGNED) << 16)
      words[at + 2] = 0
      words[at + 3] = keyLength
      writer.append(length, 0)
      writer.observe(batch)
      batch.tookUpTo(next + 1)
      if (!writer.dirty) this.#thread.markDirty(writer)
    }
  }

  #writeNext(batch: PendingBatch, maxMessageBytes: number): boolean {
    const { prepared, next } = batch
    const key = prepared.keys[next] as Key | null
    const value = prepared.values[next] as string | Uint8Array | null
    const headers = prepared.headersOf(next)
    const timestamp = prepared.timestampOf(next)
    const fields = prepared.fieldsOf(next)
    const chosen = prepared.partitions[next] as number
    const run = runOf(batch.messages.length, this.#writers.length)
    const partition = chosen === LATER ? this.#choice.keyless(value, run) : chosen
    const writer = this.#writers[partition] as PartitionWriter
    const blocked = this.#rings.growing.size > 0 && this.#rings.growing.has(partition)
    const { memory } = this.#thread
    const said = blocked
      ? FULL
      : writeMessage(memory, writer, key, value, headers, timestamp, maxMessageBytes, fields, false)
    if (said !== 0) {
      if (!blocked) this.#rings.need(writer, said, sizeOfEncoded({ key, value, headers }))
      return false
    }
    writer.observe(batch)
    if (batch.sequences !== null) writer.sequence(batch.sequences[next] as number)
    batch.took(partition)
    if (!writer.dirty) this.#thread.markDirty(writer)
    return true
  }
}
