/**
 * The two clocks of a process. Leaf, pure, any thread.
 *
 * `nowMs` (actors/world.ts) only goes forward, and is the same on all threads of a process. Everything that is due is
 * due on it: a retry, a pause, a timeout, the next look of a background task. `wallMs` may be set by an hour at any
 * time, and back. It is read only where a moment leaves the process or comes from outside:
 *
 * * the timestamp of a record, and retention, which compares with those;
 * * the first and the last failure in the headers of a dead letter;
 * * the header of a segment file;
 * * the moment of the next attempt, as it is kept on disk: another process has another `nowMs`.
 *
 * A process takes a due time on disk as a hint: it is never further away than the requested wait. `tidy.test.ts` lists
 * the files that may read `wallMs`.
 */

/** Time after which a wait for another party is reported. */
export const STALLED_MS = 5_000

/** A moment on both clocks, in milliseconds. */
export interface Instant {
  readonly nowMs: number
  readonly wallMs: number
}

/** What is left of a wait until `endMs`, asked for at `beganMs`, both on the wall clock as it was then: never more than all of it. */
export function remainingMs(endMs: number, beganMs: number, wallMs: number): number {
  return Math.max(0, Math.min(endMs - wallMs, endMs - beganMs))
}

/** When something is due that another process wrote down: `storedMs` on the wall clock, but within `waitMaxMs`; in `nowMs`. */
export function dueOf(storedMs: number, at: Instant, waitMaxMs: number): number {
  return at.nowMs + Math.min(Math.max(0, storedMs - at.wallMs), waitMaxMs)
}
