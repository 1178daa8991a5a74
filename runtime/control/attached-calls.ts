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

/** More waits than a thread ever counts. */
const WAITS = 2 ** 32

export function attachedCalls(api: OwnerControlApi, caller: Caller, runs: Pick<Runs, 'stopAll'>): AttachedCalls {
  const { thread } = caller.thread.place
  const waits = new Set<number>()
  const own = (wait: number): number => thread * WAITS + wait
  const refused = (what: string) => (): Promise<never> => Promise.reject(openingThreadError(what))
  const attached: OwnerControlApi = {
    ...api,
    groupIdle: async (topic, group, butLater, wait) => {
      waits.add(own(wait))
      try {
        await api.groupIdle(topic, group, butLater, own(wait))
      } finally {
        waits.delete(own(wait))
      }
    },
    leaveIdle: wait => api.leaveIdle(own(wait)),
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
    for (const wait of waits) api.leaveIdle(wait).catch(() => undefined)
  }
  return { api: attached, leave }
}
