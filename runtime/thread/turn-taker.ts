/** What takes part in the turns of a thread, and how the thread reaches the runs of its members. Types only. */

/** A verdict on a delivery that was not plainly acked. */
export interface Verdict {
  readonly epoch: number
  readonly offset: number
  readonly action: number
  readonly failedAttempts: number
  readonly delayMs: number
}

/** Something that takes part in the thread's turns while it is busy. */
export interface TurnTaker {
  /** Whether a call of `turn` would do something now. */
  ready(): boolean
  /** Works until nothing is left or `deadline` (performance.now) has passed; whether it did anything. */
  turn(deadline: number): boolean
  verdict(verdict: Verdict): void
  /** Whether its host is about to hand it something, now that nothing is left. Left out: that cannot be said. */
  readonly isAnswered?: boolean
}

/** The way from a thread's members to the control thread. */
export interface RunReports {
  /** A member's records cannot be read, or its state not kept: its run fails. */
  failRun(cursor: number, epoch: number, error: unknown): void
  /** False: another reader has its place. */
  keepSnapshot(cursor: number, epoch: number, offset: number, text: string): Promise<boolean>
  /** What this consumer has told its queue is as durable as the queue from then on. @throws MillraceError MILL_DISK, MILL_TOPIC_DELETED */
  confirm(topic: number, cursor: number): Promise<void>
}
