/**
 * A queue before its core is made: it goes through its log, and who asks it something waits for that.
 *
 * The partition host's thread. Only a queue on disk has anything to go through (waiting-scan.ts). Producers' frames wait in their rings
 * meanwhile (`QueueGate.isOpen`). A disk that fails meanwhile ends the waiting: then the queue is never open.
 *
 * Bound: a step is one of `KeptMessages.prepare`; one function for each call that waits.
 */
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { QueueParts } from './queue-parts.ts'

export class QueueOpening {
  readonly #parts: QueueParts
  /** Who is told when it is open, or never will be. */
  #waiting: (() => void)[] = []
  #isUntold: boolean

  /** `intake`: one in memory takes what comes from the beginning. */
  constructor(parts: QueueParts, intake: QueueGate) {
    this.#parts = parts
    this.#isUntold = !intake.isOpen
  }

  /** Whether it goes through its log still, slice by slice. */
  get isUnderWay(): boolean {
    const { isOpen, messages } = this.#parts
    return !isOpen && !messages.isPrepared && messages.error === null
  }

  /** The disk failed before it could be opened. */
  get hasFailed(): boolean {
    const { isOpen, messages } = this.#parts
    return !isOpen && messages.error !== null
  }

  /** Resolves when it has gone through its log, or never will; null: it has. */
  whenOver(): Promise<void> | null {
    return this.isUnderWay ? new Promise(resolve => this.#waiting.push(resolve)) : null
  }

  /** One slice; false: there is none left. @throws LogFileError, DiskError */
  step(): boolean {
    const { isOpen, messages } = this.#parts
    if (isOpen || messages.isPrepared) return false
    messages.prepare()
    return true
  }

  /** The queue had a step; `isDone`: its disk has not failed. What waited in rings is taken now, or refused. */
  stepped(isDone: boolean): void {
    if (!this.#isUntold || (isDone && !this.#parts.isOpen)) return
    this.#isUntold = false
    this.#parts.upcalls.hasRoom()
    this.tell()
  }

  /** Who waits goes on, and finds it open, failed or gone. */
  tell(): void {
    for (const goOn of this.#waiting.splice(0)) goOn()
  }
}
