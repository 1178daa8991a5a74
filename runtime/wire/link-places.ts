/** Addresses of the rings between a thread and the partition hosts, and of a thread's own words. Types only. */

/** Address of a ring. */
export interface RingAt {
  readonly address: number
  readonly capacity: number
}

/** The two rings between one thread and one partition host, the hints of each (link/link.ts), and the host's own words. */
export interface LinkPlace {
  readonly host: number
  readonly address: number
  readonly toHost: RingAt
  readonly toThread: RingAt
  readonly hintsToHost: number
  readonly hintsToThread: number
}

/** Addresses of a thread's shared words; made by the control thread. */
export interface ThreadPlace {
  readonly thread: number
  readonly address: number
  /** Address of the broker's own words. */
  readonly broker: number
  readonly links: readonly LinkPlace[]
}
