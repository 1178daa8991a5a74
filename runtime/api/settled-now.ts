/**
 * Waits until a group or a queue has settled what is there now. The creating thread.
 *
 * Bound: one wait for each caller that has neither an answer nor left. A wait that was left takes no more time of partition hosts.
 */
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import type { Session } from '../embedded/session.ts'

/** What is waited for. */
export interface ToSettle {
  readonly topic: number
  readonly group: string
  /** Whether messages of a queue that wait for their time are left out. */
  readonly butLater: boolean
}

let waits = 0

/** Resolves also when the wait is left, by `left`. */
export async function settledNow(session: Session, what: ToSettle, left: AbortSignal | undefined): Promise<void> {
  if (left?.aborted === true) return
  const wait = ++waits
  const leave = async (): Promise<void> => {
    try {
      await session.ask(control => control.leaveIdle(wait))
    } catch {
      // Of a broker that is closed there are no waits.
    }
  }
  const leaving = (): void => void leave()
  if (left !== undefined) onAbort(left, leaving)
  try {
    await session.ask(control => control.groupIdle(what.topic, what.group, what.butLater, wait), 'for ever')
  } finally {
    if (left !== undefined) offAbort(left, leaving)
  }
}
