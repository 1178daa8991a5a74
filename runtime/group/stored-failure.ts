/**
 * A record's failures as they are kept on disk: the next attempt is due on the wall clock, for the next process. Pure.
 */
import { dueOf, type Instant } from '../base/clock.ts'
import type { Failure } from './group-cursor.ts'

export interface StoredFailure extends Omit<Failure, 'notBeforeMs' | 'notBeforeWallMs'> {
  /** In `wallMs`. */
  readonly notBeforeMs: number
}

export function storedFailure({ notBeforeWallMs, ...failure }: Failure): StoredFailure {
  return { ...failure, notBeforeMs: notBeforeWallMs }
}

/** It waits for no longer than the backoff that it was given when it failed. */
export function restoredFailure(stored: StoredFailure, at: Instant): Failure {
  const notBeforeMs = dueOf(stored.notBeforeMs, at, stored.notBeforeMs - stored.lastMs)
  return { ...stored, notBeforeMs, notBeforeWallMs: stored.notBeforeMs }
}
