/** Calls about dead letters, between the thread that owns the broker, the control thread and partition hosts. Types only. */

/** First letter to read: its offset, and the last known position of its frame. */
export interface LetterCursor {
  readonly offset: number
  readonly position: number
}

/** Frames of open dead letters, whole and in order; `next` is null at the end of the partition. */
export interface LetterPage {
  readonly frames: Uint8Array
  readonly next: LetterCursor | null
}

/** A dead letter to settle: its offset in the dead-letter topic, and its group. */
export interface LetterMark {
  readonly offset: number
  readonly cursor: number
}

/** Dead-letter topics of a topic, and how their letters are read. */
export interface LetterTopics {
  /** Codec of the source topic. */
  readonly codec: 'json' | 'bytes' | 'string'
  readonly topics: readonly LetterTopic[]
}

export interface LetterTopic {
  readonly id: number
  readonly name: string
  /** Partitions with their present letters, and no newer ones. */
  readonly partitions: readonly { readonly partition: number; readonly endOffset: number; readonly depth: number }[]
}
