/** Addresses that a thread needs to publish to a topic, and the known state of a named producer. Types only. */
import type { TopicShape } from './places.ts'

/** A record ring, as the control thread made it. */
export interface RingPlace {
  readonly ring: number
  readonly partition: number
  readonly host: number
  readonly address: number
  readonly capacity: number
  /** Largest size of the ring, when it has been full. */
  readonly widest: number
  /** Address of the partition's words (layout.ts). */
  readonly words: number
}

/** How far a named producer is known to be. */
export interface ProducerState {
  /** Number that its frames carry. */
  readonly id: number
  /** All records of lower numbers are acknowledged. */
  readonly next: number
  /** Offset in each partition of a frame with one of its last acknowledged records. */
  readonly seen: readonly number[]
  /** Over how many partitions its records spread; left out: over those in `seen`. */
  readonly spread?: readonly Spread[]
}

/** Number of partitions for keys, from the record of this number on. */
export interface Spread {
  readonly from: number
  readonly partitions: number
}

/** Addresses and state for a named producer. */
export interface NamedPlaces extends ProducerPlaces {
  readonly state: ProducerState
  /** Number after the last record in each partition. */
  readonly passed: readonly number[]
}

/** The topic, and the addresses that a thread needs to publish to it. */
export interface ProducerPlaces {
  readonly topic: TopicShape
  readonly rings: readonly RingPlace[]
}

/** A topic that has more partitions than before, and the addresses that a publishing thread needs for them. */
export interface GrownTopic {
  readonly topic: TopicShape
  /** Into the new partitions. `producer`: the number of a named one; null: the thread's own. */
  readonly rings: readonly { readonly producer: number | null; readonly place: RingPlace }[]
}
