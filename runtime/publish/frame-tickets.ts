/**
 * Sealed frames of one writer that have no receipt yet, and who waits for it: a ticket for each frame.
 *
 * The producer's thread. Tickets are answered in the order in which the frames were sealed. Bound: the frames that the writer's rings
 * hold. What is done here is done once for a frame, never for a record.
 */

/** Where its records went. */
export interface Answerer {
  readonly partition: number
}

/** Told, once, what became of the records it put into a frame. */
export interface FrameObserver {
  /** It has been answered: what becomes of its records is nobody's concern any more. */
  readonly done: boolean
  /**
   * `first` is the index in the frame of its first record, `count` how many it has there. `isDuplicate`: the queue had the message already,
   * at this offset.
   */
  appended(writer: Answerer, baseOffset: number, first: number, count: number, isDuplicate: boolean): void
  failed(count: number, error: Error): void
  /** The partition is full, and its topic does not let records wait. */
  refused(writer: Answerer, count: number): void
  /** Another partition did not take the frames that belong together; left out: that is as if this one had refused them. */
  withheld?(): void
}

/** Records of a frame, one after the other, that have the same observer. */
export interface Part {
  readonly observer: FrameObserver
  readonly first: number
  count: number
}

export interface Ticket {
  readonly ring: number
  readonly ringEnd: number
  readonly count: number
  readonly parts: readonly Part[]
  next: Ticket | null
}

export const NO_PARTS: readonly Part[] = Object.freeze([])

/** Records of a frame whose publish was answered otherwise: it was aborted, or took too long. */
export function doneOf(parts: readonly Part[]): number {
  let count = 0
  for (const part of parts) if (part.observer.done) count += part.count
  return count
}

export class FrameTickets {
  /** The one that is answered next. */
  oldest: Ticket | null = null
  #newest: Ticket | null = null
  /** Tickets so far, and those taken so far. */
  added = 0
  taken = 0
  /** Records in frames that have no receipt. */
  records = 0

  /** A frame was sealed. */
  add(ticket: Ticket): void {
    if (this.#newest === null) this.oldest = ticket
    else this.#newest.next = ticket
    this.#newest = ticket
    this.records += ticket.count
    this.added++
  }

  /** The oldest is answered. */
  take(ticket: Ticket): void {
    this.oldest = ticket.next
    if (ticket.next === null) this.#newest = null
    this.records -= ticket.count
    this.taken++
  }

  /** Records without those whose observers are done with them. */
  get unanswered(): number {
    let count = 0
    for (let ticket = this.oldest; ticket !== null; ticket = ticket.next) count += ticket.count - doneOf(ticket.parts)
    return count
  }

  /** Shows the observers of all, oldest first. */
  pending(look: (observer: FrameObserver) => void): void {
    for (let ticket = this.oldest; ticket !== null; ticket = ticket.next) {
      for (const part of ticket.parts) look(part.observer)
    }
  }

  /** All have failed. Returns the records whose results were not awaited. */
  fail(error: Error): number {
    let unobserved = 0
    for (let ticket = this.oldest; ticket !== null; ticket = this.oldest) {
      this.take(ticket)
      unobserved += ticket.count
      for (const part of ticket.parts) {
        unobserved -= part.count
        part.observer.failed(part.count, error)
      }
    }
    return unobserved
  }
}
