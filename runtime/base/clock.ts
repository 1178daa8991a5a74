/**
 * Which of the two clocks a moment is on. Leaf, pure, any thread.
 *
 * `nowMs` (actors/world.ts) only goes forward, and is the same on all threads of a process. Whatever is due is due on it: a
 * retry, a pause, a time-out, the next look of a background. `wallMs` may be set by an hour at any time, and back. It is
 * read where somebody outside of the process is told a moment, and for nothing else:
 *
 * * the timestamp of a record, and retention, which compares with those;
 * * the first and the last failure in the headers of a dead letter;
 * * the header of a segment file;
 * * the moment of the next attempt, as it is kept on disk: another process has another `nowMs`.
 *
 * What a process finds on disk it takes as a hint: a due time is never further away than the wait that was asked
 * for. `tidy.test.ts` has the files that may read `wallMs`.
 */

/** After so long a wait for somebody else is told. */
export const STALLED_MS = 5_000

/** One moment on both clocks, in milliseconds. */
export interface Instant {
  readonly nowMs: number
  readonly wallMs: number
}

/** When something is due that another process wrote down: `storedMs` on the wall clock, but within `waitMaxMs`; in `nowMs`. */
export function dueOf(storedMs: number, at: Instant, waitMaxMs: number): number {
  return at.nowMs + Math.min(Math.max(0, storedMs - at.wallMs), waitMaxMs)
}
