/**
 * What of one partition's writer is sealed: who waits for the receipts, what was refused, and the rings through which it went.
 *
 * The producer's thread. Bound: the frames that the writer's rings hold.
 */
import { RECEIPT_APPENDED, RECEIPT_DUPLICATE, RECEIPT_FAILED, RECEIPT_WITHHELD } from '../link/link.ts'
import type { MillraceError } from '../words/errors.ts'
import { diskFailureOf } from './disk-failure.ts'
import { FormerRings } from './former-rings.ts'
import { type FrameObserver, FrameTickets, type Ticket } from './frame-tickets.ts'
import { RefusedFrames } from './refused-frames.ts'

export class SealedFrames {
  readonly partition: number
  readonly tickets: FrameTickets = new FrameTickets()
  /** Records that were not appended and that nobody observed. */
  readonly refused: RefusedFrames = new RefusedFrames()
  /** Another ring for it is on its way. */
  isReplaced = false
  /** Whether its ring is as small as rings become: memory that is short cannot have more of it. */
  isSmall = false
  /** There is no larger one before this, in `nowMs`. */
  widensFromMs = 0
  /** Called when a frame is published because the next record has no room in it, with its bytes. */
  publishedEarly: (bytes: number) => void = () => undefined
  readonly former: FormerRings = new FormerRings()
  /** What the partition's disk said, once it has failed. */
  diskFailure: MillraceError | null = null

  constructor(partition: number) {
    this.partition = partition
  }

  /** Frames sealed so far. */
  get sealed(): number {
    return this.tickets.added
  }

  /** Frames answered so far; as many as were sealed: nothing is on its way. */
  get answered(): number {
    return this.tickets.taken
  }

  /** Whether nothing that was sealed is on its way. */
  get isAnswered(): boolean {
    return this.sealed === this.answered
  }

  /** Shows the observers of everything on its way, oldest first. */
  pending(look: (observer: FrameObserver) => void): void {
    this.tickets.pending(look)
  }

  /** Rings that it had before, and through which nothing is on its way any more; each is told once. */
  takeSettledRings(): number[] {
    return this.former.takeBefore(this.tickets.oldest?.ring ?? null)
  }

  /** All rings that it had before; each is told once. */
  takeFormerRings(): number[] {
    return this.former.takeBefore(null)
  }

  /**
   * A receipt: this frame is appended, was there already, is refused, or met a broken disk. `more`: so many behind it are appended, and
   * follow it there. A repeated receipt (its sender died in between) is ignored.
   */
  receipt(ring: number, ringEnd: number, baseOffset: number, status: number, more = 0): void {
    const ticket = this.tickets.oldest
    if (ticket === null || ticket.ring !== ring || ticket.ringEnd !== ringEnd) return
    this.tickets.take(ticket)
    if (status === RECEIPT_APPENDED || status === RECEIPT_DUPLICATE) {
      const isDuplicate = status === RECEIPT_DUPLICATE
      this.#appended(ticket, baseOffset, isDuplicate)
      let offset = baseOffset + ticket.count
      for (let left = more; left > 0; left--) {
        const next = this.tickets.oldest
        if (next === null)
          throw new Error(`broken invariant: a receipt of ring ${ring} is for frames that it never had`)
        this.tickets.take(next)
        this.#appended(next, offset, false)
        offset += next.count
      }
      return
    }
    const failure = (status & 15) === RECEIPT_FAILED ? diskFailureOf(this.partition, status) : null
    if (failure !== null) this.diskFailure = failure
    for (const part of ticket.parts) {
      const { observer } = part
      if (failure !== null) observer.failed(part.count, failure)
      else if (status === RECEIPT_WITHHELD && observer.withheld !== undefined) observer.withheld()
      else observer.refused(this, part.count)
    }
    this.refused.add(this.answered, ticket)
  }

  #appended({ parts }: Ticket, baseOffset: number, isDuplicate: boolean): void {
    for (const part of parts) part.observer.appended(this, baseOffset, part.first, part.count, isDuplicate)
  }
}
