/**
 * The one way into a partition: takes frames of a batch, has them kept, commits them, and answers.
 *
 * The partition host's thread. Order of one append, which is what makes the host's own death harmless: place the frames -> commit
 * (the atomic point) -> give the batch's bytes back -> answers. A successor finds the last commit and does again what may not
 * have happened after it. On disk there is a write in front of the commit: what is taken is `staged` until then, and
 * the host writes it together with what its other partitions have staged. What fails is forgotten, and answered with the failure.
 *
 * Bound: one append that is staged; nothing more is taken before it is committed or has failed.
 */
import { CORRUPT, type WindowWriter } from 'sharedarraybuffer-ring'
import { FRAME_LAST_OFFSET_DELTA, markDuplicate, refuseFrame } from '../log/format/frame.ts'
import type { StoreEntry } from '../log/store/log-store-types.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { FrameBatch } from './frame-batch.ts'
import type { Keeping } from './keeping.ts'
import type { PartitionEnd } from './partition-end.ts'
import { PendingAppend } from './pending-append.ts'

/** What became of frames that were to be appended: there is no room for them, or they cannot be taken just now. */
export type AppendOutcome = 'appended' | 'full' | 'later'

export class Appender {
  readonly #window: WindowWriter
  readonly #end: PartitionEnd
  readonly #keeping: Keeping
  readonly #topic: string
  readonly #fault: (point: number) => void
  #pending: PendingAppend | null = null
  /** What was taken and is to be on disk before it is committed; null: nothing. */
  staged: StoreEntry | null = null
  /** Whether the last batch has frames left for want of room. */
  isCut = false

  /** `topic`: its name, for errors; `fault` stops here for ever if a test has armed this point. */
  constructor(
    window: WindowWriter,
    end: PartitionEnd,
    keeping: Keeping,
    topic: string,
    fault: (point: number) => void,
  ) {
    this.#window = window
    this.#end = end
    this.#keeping = keeping
    this.#topic = topic
    this.#fault = fault
  }

  /**
   * Appends a batch, all of it, as durable as the topic says when this returns. What does not come to be appended stays in the
   * batch, but for what the disk has failed to take.
   */
  append(batch: FrameBatch): AppendOutcome {
    if (this.#pending !== null || this.#keeping.failure !== null) return 'later'
    this.take(batch, false)
    const { staged } = this
    if (staged !== null && !this.#keeping.write(staged)) {
      this.failStaged(this.#keeping.failure ?? 0)
      return 'later'
    }
    this.commitStaged()
    return batch.ready === 0 ? 'appended' : this.#keeping.whenFull
  }

  /**
   * Takes as much of a batch as there is room for, up to the bytes of one append, and commits it, or leaves it staged. With
   * `refuses`, frames that have no room are answered with that, and do not wait. A message that is there already under the same id needs
   * none: it is answered, and not taken. Returns the bytes walked over.
   */
  take(batch: FrameBatch, refuses: boolean): number {
    this.isCut = false
    const { failure } = this.#keeping
    if (failure !== null) return this.#refuseAll(batch, failure)
    // A queue whose disk failed before it was open says nothing of its room.
    const { appendBytes } = this.#keeping
    const words = batch.memory.i32
    const pending = new PendingAppend(batch, this.#window.end, this.#end.offset)
    let address = batch.next()
    for (let answers = batch.room(); address >= 0 && answers > 0 && pending.walked < appendBytes; answers--) {
      const length = words[address >> 2] as number
      const there = this.#keeping.duplicateOf?.(batch.memory, address) ?? -1
      if (there >= 0) markDuplicate(batch.memory, address, there)
      else if (this.#keeping.take(pending, address, length)) {
        pending.endOffset += ((words[(address + FRAME_LAST_OFFSET_DELTA) >> 2] as number) >>> 0) + 1
        pending.bytes += length
      } else if (refuses) refuseFrame(batch.memory, address)
      else {
        this.isCut = true
        break
      }
      batch.advance(length)
      pending.walked += length
      address = batch.next()
    }
    if (address === CORRUPT)
      throw new Error(
        `broken invariant: ring ${batch.id} of topic ${this.#topic} holds bytes that are no record at position ${batch.head}`,
      )
    if (pending.walked === 0) return 0
    this.#pending = pending
    this.staged = this.#keeping.entry(pending)
    if (this.staged === null) this.commitStaged()
    return pending.walked
  }

  /** The disk has failed before: nothing is taken any more. */
  #refuseAll(batch: FrameBatch, failure: number): number {
    let walked = 0
    let address = batch.next()
    for (let answers = batch.room(); address >= 0 && answers > 0; answers--) {
      const length = batch.memory.i32[address >> 2] as number
      batch.advance(length)
      walked += length
      address = batch.next()
    }
    if (walked > 0) this.#refuse(batch, failure)
    return walked
  }

  /** What is nowhere but in its batch stays there until its answer is out, for a successor to find. */
  #refuse(batch: FrameBatch, failure: number): void {
    batch.answer(failure)
    batch.tell()
    batch.release()
    batch.tell()
  }

  /** What is pending is kept: readers may see it, and its batch is answered. */
  commitStaged(): void {
    const pending = this.#pending
    if (pending === null) return
    this.#pending = null
    this.staged = null
    const { batch, bytes, walked } = pending
    this.#end.commit(pending)
    this.#keeping.committed(pending.endOffset)
    batch.answer(null)
    if (walked > bytes) batch.tell()
    batch.release()
    this.#fault(FAULT_POINT.betweenRingAndReceipt)
    batch.tell()
    this.#keeping.answered(bytes)
  }

  /** What was staged may be on disk or not: it is never readable, and its batch is answered with that. */
  failStaged(failure: number): void {
    const pending = this.#pending
    if (pending === null) return
    this.#pending = null
    this.staged = null
    this.#window.rewind()
    this.#refuse(pending.batch, failure)
  }
}
