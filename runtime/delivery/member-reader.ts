/** What hands out deliveries that the caller settles, as its member sees it: of a partition, or of a queue. Types, and a bound. */
import type { TurnTaker } from '../thread/turn-taker.ts'

/** Deliveries handed out in one turn, before the event loop has its own. */
export const TURN_DELIVERIES_MAX = 1_024

export interface MemberReader extends TurnTaker {
  readonly epoch: number
  set paused(isPaused: boolean)
  /** Of a queue: aborts the signal of a delivery that is out. Resolves when it is settled, or after so long. */
  cancel?(tag: number, withinMs: number): Promise<void>
  /** Hands back what is out; resolves when its group, or its queue, can be told nothing more. */
  close(): void | Promise<void>
  /** Its slot is closed: what is out counts for nothing. */
  abandon(): void
}
