/** What a consumer of a queue has and has ended, as its partition host names it. Types only; the partition host's thread. */
import type { Standing } from 'sharedarraybuffer-ring'
import type { Offset } from '../words/quantities.ts'

/** A hand-out as the core names it. */
export interface CoreClaim {
  readonly slot: number
  readonly tag: number
}

/** Who is handed over what a consumer has ended. */
export interface ConsumerEnds {
  /** So many messages were acked, from this tag on. */
  acked(first: number, count: number): void
  ended(tag: number, offset: Offset, standing: Standing): void
}

/** A message that a consumer has in advance. */
export interface WaitingClaim {
  readonly tag: number
  readonly offset: Offset
}
