/**
 * The queues of this example, shared by the main thread and the handler threads.
 */
import { defineQueue, type QueueDefinition } from 'millrace'

export interface Picture {
  readonly id: number
  readonly width: number
  readonly height: number
  /** By how much it is to be made smaller. */
  readonly divisor: number
}

export interface Scaled {
  readonly id: number
  readonly pixels: number
  readonly isUrgent: boolean
}

/** Of `pictures`: someone waits for it. */
export const URGENT = 1

export const picturesQueue: QueueDefinition<Picture> = defineQueue<Picture>('pictures', {
  priorities: 2,
  attempts: 2,
  backoff: { initialMs: 10 },
  maxBytes: 64 * 1_048_576,
})

/** What the handlers return. */
export const scaledQueue: QueueDefinition<Scaled> = defineQueue<Scaled>('scaled')

export interface Print {
  readonly page: number
  readonly sheets: number
  /** When it was sent, in ms since the epoch. */
  readonly sentMs: number
}

export interface Printed {
  readonly customer: string
  readonly page: number
  /** Time from the send to the print. */
  readonly waitedMs: number
}

/** So many sheets are never printed. */
export const ENDLESS = -1

/** One print of each customer at a time, in order, and customers take turns. */
export const printsQueue: QueueDefinition<Print> = defineQueue<Print>('prints', {
  keyConcurrency: 1,
  keyOrder: 'fair',
})

export const printedQueue: QueueDefinition<Printed> = defineQueue<Printed>('printed')
