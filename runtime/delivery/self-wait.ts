/**
 * Whether a call that waits for a handler is made by that very handler, which would then wait for itself.
 *
 * The handling thread. Whose delivery is on the stack is in its words; whether its handler has only begun something, or awaits
 * it, shows when it has returned: a delivery whose promise is pending may wait for this call, one that is over does not.
 * After its first `await` a handler is on no stack, and is not known here.
 */

import type { AttachedThread } from '../thread/attached-thread.ts'
import { SLOT_ACTIVE, SLOT_HANDED, THREAD_RUNNING } from '../wire/layout.ts'

type Words = Pick<AttachedThread, 'memory' | 'address'>

/** The address of the slot whose delivery is on the stack; 0: none is. */
export function slotOnStack({ memory: { i32 }, address }: Words): number {
  return Math.abs(i32[(address + THREAD_RUNNING) >> 2] as number)
}

/** A delivery whose handler is on the stack, or was. */
export interface Held {
  /** Whether it is over: until then its handler may wait. */
  readonly over: boolean
}

/** The delivery on the stack, of a partition that has one in hand at a time. */
export function heldIn({ memory: { i32 } }: Pick<Words, 'memory'>, slot: number): Held {
  const handed = (): number => i32[(slot + SLOT_HANDED) >> 2] as number
  const offset = handed()
  return {
    get over() {
      return i32[(slot + SLOT_ACTIVE) >> 2] === 0 || handed() !== offset
    },
  }
}

/** Resolves when the handler on the stack has returned: with whether its delivery goes on, and may wait. */
export async function mayWait(held: Held): Promise<boolean> {
  await null
  return !held.over
}
