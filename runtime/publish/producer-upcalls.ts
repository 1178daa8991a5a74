/** What the producers of one thread ask of, and tell, the rest of the broker. Types only. */
import type { RingPlace } from '../wire/producer-places.ts'

/** About what waits for room. */
export interface HoldUpcalls {
  /** What keeps a partition full, in words. */
  describeHold(topic: number, partition: number): Promise<string>
  /** A publish has waited for STALLED_MS. */
  stalled(topic: number, partition: number, waitedMs: number): void
}

export interface ProducerUpcalls extends HoldUpcalls {
  replaceRing(ring: number, bytes: number): Promise<RingPlace>
  /** Records handed to tryPublish are lost to an error. */
  publishFailed(topic: string, partition: number, count: number, error: Error): void
}
