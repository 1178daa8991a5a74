/** What dead letters on disk need of the partition that keeps them. Types only. */
import type { Offset } from '../words/quantities.ts'
import type { SettledChange, SettledLetters } from './settled-letters.ts'

/** The partition's log. */
export interface LetterLog {
  readonly startOffset: Offset
  readonly error: Error | null
  /** Whole frames, from the one that holds `offset` on. */
  frames(offset: Offset, endOffset: Offset): Iterable<Buffer>
  settledLetters(): SettledLetters
  /** False: the disk has failed, and `error` says how. */
  keepSettled(change: SettledChange): boolean
}

/** The partition, and the groups that read it. */
export interface LetterSource {
  readonly highWatermark: Offset
  readonly groups: ReadonlyMap<number, { committed(): Offset }>
}
