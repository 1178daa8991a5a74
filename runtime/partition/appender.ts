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
    this.take(batch, false, false)
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
  take(batch: FrameBatch, refuses: boolean, mayWait = true): number {
    this.isCut = false
    const { failure } = this.#keeping
    if (failure !== null) return this.#refuseAll(batch, failure)
    // A queue whose disk failed before it was open says nothing of its room.
    const { appendBytes } = this.#keeping
    const words = batch.memory.i32
    const pending = new PendingAppend(batch, this.#window.end, this.#end.offset)
    pending.mayWait = mayWait
    // What makes room may append elsewhere, where a joint is tried that this partition is in: it is not free.
    this.#pending = pending
    let address = batch.next()
    for (let answers = batch.room(); address >= 0 && answers > 0 && pending.walked < appendBytes; answers--) {
      const length = words[address >> 2] as number
      if (!this.#place(pending, address, length)) {
        this.isCut = !refuses
        if (!refuses) break
        refuseFrame(batch.memory, address)
      }
      batch.advance(length)
      pending.walked += length
      address = batch.next()
    }
    if (address === CORRUPT)
      throw new Error(
        `broken invariant: ring ${batch.id} of topic ${this.#topic} holds bytes that are no record at position ${batch.head}`,
      )
    if (pending.walked === 0) {
      this.#pending = null
      return 0
    }
    this.staged = this.#keeping.entry(pending)
    if (this.staged === null) this.commitStaged()
    return pending.walked
  }

  /** Places the frame at this address behind what is pending, or marks it as one that is there already; false: there is no room. */
  #place(pending: PendingAppend, address: number, length: number): boolean {
    const { memory } = pending.batch
    const there = this.#keeping.duplicateOf?.(memory, address) ?? -1
    if (there >= 0) {
      markDuplicate(memory, address, there)
      pending.duplicates++
    } else if (this.#keeping.take(pending, address, length)) {
      pending.endOffset += ((memory.i32[(address + FRAME_LAST_OFFSET_DELTA) >> 2] as number) >>> 0) + 1
      pending.bytes += length
    } else return false
    return true
  }

  // -- frame by frame, of what several partitions take or none -----------------------------------------------------

  /** Whether something is taken and neither committed nor given up. */
  get isPending(): boolean {
    return this.#pending !== null
  }

  /** From now on frames of this batch are taken by `takeNext`, and nothing is committed before `commitEnd`. */
  begin(batch: FrameBatch): void {
    this.#pending = new PendingAppend(batch, this.#window.end, this.#end.offset)
  }

  /** Whether the append may take another frame. */
  get mayTakeMore(): boolean {
    return (this.#pending?.walked ?? 0) < this.#keeping.appendBytes
  }

  /** Takes the frame at the head of the batch; false: there is no room, and nothing has changed. */
  takeNext(): boolean {
    const pending = this.#begun()
    const { batch } = pending
    const address = batch.next()
    if (address < 0) throw new Error(`broken invariant: ring ${batch.id} has no frame behind its note`)
    const length = batch.memory.i32[address >> 2] as number
    pending.mark(this.#window.end)
    if (!this.#place(pending, address, length)) return false
    batch.advance(length)
    pending.walked += length
    return true
  }

  /** The frame that was taken last is not; its batch goes back by itself. */
  takeBack(): void {
    const pending = this.#begun()
    const { bytes } = pending
    const end = pending.back()
    if (pending.bytes < bytes) this.#keeping.withdraw()
    if (end === null) this.#window.rewind()
    else this.#window.end = end
  }

  /** Nothing was taken. */
  giveUp(): void {
    this.#pending = null
  }

  /** What was taken and is to be on disk before `commitEnd`; null: nothing. */
  entry(): StoreEntry | null {
    return this.#keeping.entry(this.#begun())
  }

  /** Readers may see what was taken; `answer` comes next. */
  commitEnd(): void {
    this.#commit(this.#begun())
  }

  #commit(pending: PendingAppend): void {
    this.#end.commit(pending)
    this.#keeping.committed(pending.endOffset)
    if (pending.duplicates > 0) this.#keeping.knewAlready?.(pending.duplicates)
  }

  /** Answers what was taken, and gives it back; the caller tells who waits. Returns the bytes walked over. */
  answer(): number {
    const { batch, bytes, walked } = this.#begun()
    this.#pending = null
    batch.answer(null)
    // What was not appended stands nowhere but in its ring.
    if (walked > bytes) batch.tell()
    batch.release()
    this.#keeping.answered(bytes)
    return walked
  }

  #begun(): PendingAppend {
    if (this.#pending === null) throw new Error(`broken invariant: topic ${this.#topic} has taken nothing`)
    return this.#pending
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
    if (walked > 0) this.refuse(batch, failure)
    return walked
  }

  /** What is nowhere but in its batch stays there until its answer is out, for a successor to find. */
  refuse(batch: FrameBatch, failure: number): void {
    batch.answer(failure)
    batch.tell()
    this.#fault(FAULT_POINT.refusalTold)
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
    this.#commit(pending)
    batch.answer(null)
    if (walked > bytes) batch.tell()
    batch.release()
    this.#fault(FAULT_POINT.betweenRingAndReceipt)
    batch.tell()
    this.#keeping.answered(bytes)
  }

  /** What was staged may be on disk or not: it is never readable, and its batch is answered with that. */
  failStaged(failure: number): void {
    this.staged = null
    this.failPending(failure)
  }

  /** The same of what was taken frame by frame: where the disk of another partition fails, memory gives its one frame back. */
  failPending(failure: number): void {
    const pending = this.#pending
    if (pending === null) return
    this.#pending = null
    // A message that was there already was not admitted.
    if (pending.bytes > 0 && !this.#keeping.isOnDisk) this.#keeping.withdraw()
    this.#window.rewind()
    this.refuse(pending.batch, failure)
  }
}
