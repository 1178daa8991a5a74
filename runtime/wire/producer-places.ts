/** What a thread needs to publish to a topic, and what is known of a named producer. Types only. */
import type { TopicShape } from './places.ts'

/** A record ring, as the control thread made it. */
export interface RingPlace {
  readonly ring: number
  readonly partition: number
  readonly host: number
  readonly address: number
  readonly capacity: number
  /** What it may have, if it is full. */
  readonly widest: number
  /** Address of the partition's words (layout.ts). */
  readonly words: number
}

/** How far a named producer is known to be. */
export interface ProducerState {
  /** By which its frames are known. */
  readonly id: number
  /** All records of lower numbers are acknowledged. */
  readonly next: number
  /** By partition: the offset of a frame that has one of its last acknowledged records. */
  readonly seen: readonly number[]
  /** Over how many partitions its records spread; left out: over those in `seen`. */
  readonly spread?: readonly Spread[]
}

/** From the record of this number on, keys are spread over so many partitions. */
export interface Spread {
  readonly from: number
  readonly partitions: number
}

/** What a named producer needs to publish. */
export interface NamedPlaces extends ProducerPlaces {
  readonly state: ProducerState
  /** By partition: the number after the last record that it has. */
  readonly passed: readonly number[]
}

/** The topic, and what a thread needs to publish to it. */
export interface ProducerPlaces {
  readonly topic: TopicShape
  readonly rings: readonly RingPlace[]
}

/** A topic that has more partitions than before, and what a thread that publishes to it needs for that. */
export interface GrownTopic {
  readonly topic: TopicShape
  /** Into the new partitions. `producer`: the number of a named one; null: the thread's own. */
  readonly rings: readonly { readonly producer: number | null; readonly place: RingPlace }[]
}
