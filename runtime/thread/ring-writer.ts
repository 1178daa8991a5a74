/** What writes to the rings of a thread, as the thread knows it. Types only. */

/** Writes records to a ring of this thread. */
export interface RingWriter {
  readonly ring: number
  readonly host: number
  /** Whether it has records in a frame that is open; the thread sets it back when it seals them. */
  dirty: boolean
  /** Whether nothing that it sealed is on its way. */
  readonly isAnswered: boolean
  seal(): boolean
  receipt(ring: number, ringEnd: number, baseOffset: number, status: number, more: number): void
}

/** Publishes by writers of this thread. */
export interface WriterUser {
  /** Its writers have had receipts: waiting publishes may fit now. */
  serve(): void
}
