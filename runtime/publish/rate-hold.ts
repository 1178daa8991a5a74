/** Whether what finds the rate of its producer used up waits for it, or is refused. The producer's thread. */
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { FullError } from '../words/errors.ts'
import type { Waiter } from './overdue.ts'
import { PendingPublish } from './pending-publish.ts'
import type { RateGate } from './rate-gate.ts'

/** One that does not wait is refused. */
export function mayWaitForRate(waiter: Waiter, gate: RateGate, topic: ProducedTopic): boolean {
  const isSingle = waiter instanceof PendingPublish
  // Nobody hears the error of an output, and a named producer would be of no use after it.
  const waits = isSingle ? waiter.isOutput || waiter.isTaken : waiter.sequences !== null
  if (topic.onFull === 'wait' || waits) return true
  const { waitMs } = gate
  const why = `${gate.text}, and its onFull is 'reject'; try again in ${waitMs} ms`
  if (isSingle) waiter.settle(new FullError(why, waiter.original, waitMs))
  else waiter.refuseRest(new FullError(why, waiter.messages[waiter.next], waitMs))
  return false
}
