/**
 * What becomes of handlers' states that are beyond the end of their log.
 *
 * The control thread, when the topic is opened, before anything is published to it. Such a state has seen records that a loss of
 * power took, and goes on where the log ends. That is durable before other records come to have those offsets.
 */
import type { HandlerSnapshot } from '../wire/places.ts'
import type { KeptStates } from './kept-states.ts'

/** A log ends at `end`; `members` are those of its groups. @throws MillraceError MILL_DISK */
export function cutSnapshots(snapshots: KeptStates<HandlerSnapshot>, cursors: readonly number[], end: number): void {
  for (const cursor of cursors) {
    const snapshot = snapshots.get(`${cursor}`)
    if (snapshot !== null && snapshot.offset > end) snapshots.keepDurably(`${cursor}`, { ...snapshot, offset: end })
  }
}
