/** What runs a handler over one partition, as the member that was given the partition sees it. Types only. */

import type { TurnTaker } from '../thread/turn-taker.ts'
import type { Held } from './self-wait.ts'

export interface HandlerExecutor extends TurnTaker {
  /** Address of the slot that it reads with. */
  readonly slot: number
  readonly epoch: number
  /** What the handler's `start` or `restore` made. */
  readonly userState: unknown
  /** The delivery whose handler is on the stack, if it is one of this partition. */
  readonly calling: Held | null
  /** Of a queue: aborts the signal of a message that it has begun. Resolves when it has let go of that, or after so long. */
  cancel?(tag: number, withinMs: number): Promise<void>
  pause(): void
  resume(): void
  /** Resolves when what is out is over and committed; nothing is handed out or read afterwards. */
  close(): Promise<void>
  /** Its slot is closed: whatever its handler still does counts for nothing. */
  abandon(): void
}
