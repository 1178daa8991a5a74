/** Calls about dead letters, between the thread that owns the broker, the control thread and partition hosts. Types only. */
import type { CursorId, Offset, PartitionId, Position } from '../words/quantities.ts'

/** First letter to read: its offset, and the last known position of its frame. */
export interface LetterCursor {
  readonly offset: Offset
  readonly position: Position
}

/** Frames of open dead letters, whole and in order; `next` is null at the end of the partition. */
export interface LetterPage {
  readonly frames: Uint8Array
  readonly next: LetterCursor | null
}

/** A dead letter to settle: its offset in the dead-letter topic, and its group. */
export interface LetterMark {
  readonly offset: Offset
  readonly cursor: CursorId
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
  readonly partitions: readonly {
    readonly partition: PartitionId
    readonly endOffset: Offset
    readonly depth: number
  }[]
}
