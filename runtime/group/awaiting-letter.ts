/** A dead letter that its topic has no room for yet. Types only. */
import type { Failure } from './group-cursor.ts'

/** A dead letter that its topic has no room for yet. */
export interface AwaitingLetter {
  readonly failure: Failure
  /** As JSON. */
  readonly error: string
}
