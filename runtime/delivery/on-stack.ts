/**
 * Says in shared memory whose delivery is on this thread's stack, for as long as code of a user's may run for it.
 *
 * The handling thread. What ends the thread meanwhile is charged to that delivery, and the watchdog ends what does not come
 * back. It is not only the handler's call: what it returned or threw is looked at, put into bytes and told, and each of that
 * may run a getter, a trap or a `toJSON`.
 */

import type { AttachedThread } from '../thread/attached-thread.ts'
import { THREAD_RUNNING, THREAD_TURN } from '../wire/layout.ts'

/** `slot`: its address; less than 0, of several records, of which none can be told from the others. */
export function onStack(thread: Pick<AttachedThread, 'memory' | 'address'>, slot: number, act: () => void): void {
  const { i32 } = thread.memory
  const running = (thread.address + THREAD_RUNNING) >> 2
  i32[running] = slot
  try {
    act()
  } finally {
    i32[running] = 0
  }
}

/** One more delivery has begun on this thread. */
export function countTurn({ memory: { i32 }, address }: Pick<AttachedThread, 'memory' | 'address'>): void {
  const turn = (address + THREAD_TURN) >> 2
  i32[turn] = ((i32[turn] as number) + 1) | 0
}
