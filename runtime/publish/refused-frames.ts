/**
 * Records of one partition's writer that were refused and that nobody observed, until somebody tells of them.
 *
 * The producer's thread. Frames are counted from 1, as they are sealed. Bound: one count, with the first and the last frame.
 */

import type { Ticket } from './frame-tickets.ts'

/** Some of what was refused, in these frames and between them. */
export interface Refused {
  readonly count: number
  readonly first: number
  readonly last: number
}

export class RefusedFrames {
  #count = 0
  #first = 0
  #last = 0

  /** This frame was refused; frames come in their order. Of its records those in no part have no observer. */
  add(frame: number, { count: records, parts }: Pick<Ticket, 'count' | 'parts'>): void {
    const count = parts.reduce((left, part) => left - part.count, records)
    if (count === 0) return
    if (this.#count === 0) this.#first = frame
    this.#last = frame
    this.#count += count
  }

  /** What nobody has been told of; it is told once. */
  take(): Refused | null {
    if (this.#count === 0) return null
    const refused = { count: this.#count, first: this.#first, last: this.#last }
    this.#count = 0
    return refused
  }
}
