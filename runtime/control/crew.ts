/**
 * Who handles for a run: a pool of threads that it starts, the caller's thread, or whoever else takes partitions. Types only.
 *
 * The control thread. A run has one crew. What it hands to the coordinator of its group are members (member-handle.ts), which
 * are assigned partitions and let them go; the rest of a run's life it is told here. Order: `start`, perhaps `join`, any number
 * of `pause`s and `watch`es, then `retire` or `fail`, and `end`, perhaps several times.
 */
import type { HandlerLife } from './handler-life.ts'

/** A place in a crew, which one thread after the other takes. */
export interface CrewThread {
  /** Null: none is there now. */
  readonly life: HandlerLife | null
  /** Whether it has loaded its handler, and is a member. */
  readonly isUp: boolean
}

export interface Crew {
  /** Of its members, whether they have joined or not. */
  readonly memberIds: readonly string[]
  /** Places of threads that it starts; none of threads that others started. */
  readonly threads: readonly CrewThread[]
  /** What may be said, behind "the group did not stop in time:", of members that were given up. */
  readonly heldUp: string
  /** Starts its threads, whose members then join. @throws MillraceError MILL_HANDLER, and nothing is left of them */
  start(): Promise<void>
  /** A member on a thread that others started knows the run by now: it joins. Resolves when it has taken up its partitions. */
  join(): Promise<void>
  /** Pauses its members, or lets them go on, and so those that join later. */
  pause(isPaused: boolean): Promise<void>
  /** Looks after handlers that hang, as a `Look` does. */
  watch(now: number, lateMs: number): number
  /** The run is being stopped: nothing of it is started again. */
  retire(): void
  /** Resolves when nothing of it runs; what does not end within `timeoutMs` is given up: calls to its members reject. */
  end(timeoutMs: number): Promise<void>
  /** The run has failed: members that are still to let go of partitions are not waited for as long as in a stop. */
  fail(): Promise<void>
}
