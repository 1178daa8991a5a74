/**
 * What an attached thread may ask of the control thread: what the opening thread may, less what only that one does. The control thread.
 *
 * Its own `close` ends what it began, and nothing else. Waits are numbered by each thread; here they get numbers that no other has.
 */
import { nowMs } from '../../actors/world.ts'
import type { OwnerControlApi } from '../wire/control-calls.ts'
import { MillraceError } from '../words/errors.ts'
import { openingThreadError } from '../words/opening-thread.ts'
import type { Caller } from './caller.ts'
import type { Runs } from './runs.ts'

export interface AttachedCalls {
  readonly api: OwnerControlApi
  /** Its thread has ended: nobody waits any more. */
  leave(): void
}

/** Number of the last wait of any attached thread. Those of the opening thread are above 0. */
let lastWait = 0

export function attachedCalls(api: OwnerControlApi, caller: Caller, runs: Pick<Runs, 'stopAll'>): AttachedCalls {
  /** Those that are not over, by the number that the thread gave. */
  const waits = new Map<number, number>()
  const refused = (what: string) => (): Promise<never> => Promise.reject(openingThreadError(what))
  const attached: OwnerControlApi = {
    ...api,
    groupIdle: async (topic, group, butLater, wait) => {
      const own = --lastWait
      waits.set(wait, own)
      try {
        await api.groupIdle(topic, group, butLater, own)
      } finally {
        waits.delete(wait)
      }
    },
    leaveIdle: async wait => {
      const own = waits.get(wait)
      if (own !== undefined) await api.leaveIdle(own)
    },
    deleteTopic: refused('deleting a topic or queue'),
    deleteGroup: refused('deleting a group'),
    deleteExchange: refused('deleting an exchange'),
    close: async timeoutMs => {
      const left = await runs.stopAll(nowMs() + timeoutMs, caller)
      if (left.length > 0)
        throw new MillraceError(
          'MILL_TIMEOUT',
          `this thread let go of the broker, but not in good order: ${left.join('; ')}`,
        )
    },
  }
  const leave = (): void => {
    for (const own of waits.values()) api.leaveIdle(own).catch(() => undefined)
  }
  return { api: attached, leave }
}
