/** What is asked about dead letters, between the thread that owns the broker, the control thread and partition hosts: types only. */

/** From which letter on to read: its offset, and where its frame was when last seen. */
export interface LetterCursor {
  readonly offset: number
  readonly position: number
}

/** Frames of open dead letters, whole and in order; `next` is null at the end of the partition. */
export interface LetterPage {
  readonly frames: Uint8Array
  readonly next: LetterCursor | null
}

/** A dead letter to settle: its offset in the dead-letter topic, and whose it is. */
export interface LetterMark {
  readonly offset: number
  readonly cursor: number
}

/** Where the dead letters of a topic are, and how they are read. */
export interface LetterTopics {
  /** Of the topic that they come from. */
  readonly codec: 'json' | 'bytes' | 'string'
  readonly topics: readonly LetterTopic[]
}

export interface LetterTopic {
  readonly id: number
  readonly name: string
  /** By partition: what is there now, and nothing newer. */
  readonly partitions: readonly { readonly partition: number; readonly endOffset: number; readonly depth: number }[]
}
