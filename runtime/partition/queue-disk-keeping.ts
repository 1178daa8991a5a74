/**
 * Keeps the partition of a work queue in a log on disk: the queue decides what is taken, and the log has room for it.
 *
 * The partition host's thread. A frame is taken whole or not at all. Before the queue is there, nothing is taken.
 */
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import type { FrameMemory } from '../log/format/frame.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'
import type { Offset } from '../words/quantities.ts'
import type { DiskKeeping } from './disk-keeping.ts'
import type { Keeping } from './keeping.ts'
import type { PartitionDisk } from './partition-disk.ts'
import type { PendingAppend } from './pending-append.ts'
import type { QueueGate } from './queue-keeping.ts'

export class QueueDiskKeeping implements Keeping {
  readonly records: PartitionDisk
  readonly isOnDisk = true
  /** What the queue has no room for waits, or is refused. */
  readonly whenFull = 'full'
  gate: QueueGate | null = null
  readonly #log: DiskKeeping
  /** Somebody was copying from the window. */
  #isHeldUp = false

  constructor(log: DiskKeeping) {
    this.#log = log
    this.records = log.records
  }

  /** While something is pending no room can be made: an append takes what has room for sure, and one frame at least. */
  get appendBytes(): number {
    return Math.max(1, Math.min(this.#log.appendBytes, this.gate?.roomBytes() ?? 0))
  }

  /** What the disk has failed to take is refused. */
  get isReady(): boolean {
    return (this.gate?.isOpen ?? true) || this.failure !== null
  }

  get failure(): number | null {
    return this.#log.failure
  }

  take(pending: PendingAppend, address: number, length: number): boolean {
    const { gate } = this
    if (gate === null || !gate.admit(pending.batch.memory, address, pending.endOffset)) return false
    this.#isHeldUp = !this.#log.take(pending, address, length)
    if (this.#isHeldUp) gate.withdraw()
    return !this.#isHeldUp
  }

  withdraw(): void {
    this.gate?.withdraw()
  }

  duplicateOf(memory: FrameMemory, address: number): Offset {
    return this.gate?.duplicateOf?.(memory, address) ?? -1
  }

  knewAlready(count: number): void {
    this.gate?.knewAlready?.(count)
  }

  mayHaveRoom(): boolean {
    return this.#isHeldUp || (this.gate?.mayHaveRoom() ?? false)
  }

  /** All of it may have been refused. */
  entry(pending: PendingAppend): StoreEntry | null {
    return pending.bytes === 0 ? null : this.#log.entry(pending)
  }

  write(entry: StoreEntry): boolean {
    return this.#log.write(entry)
  }

  committed(endOffset: Offset): void {
    this.#log.committed(endOffset)
    this.gate?.committed(endOffset)
  }

  answered(bytes: number): void {
    this.#log.answered(bytes)
  }

  takeLetters(): LetterIndex {
    throw new Error('broken invariant: a queue takes no dead letters')
  }
}
