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
