/**
 * Makes room in a queue that drops its head: each message that goes is a dead letter first, or counted and told where there are none.
 *
 * The partition host's thread. That a message dies is known to a successor before its letter is written, so that it writes none twice.
 */
import type { FailedAttempt } from '../group/failure-news.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { QueueLetter, QueuePolicy } from '../queue/queue-words.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { MessageFacts } from './message-facts.ts'
import type { QueueLetters } from './queue-letters.ts'
import type { QueueRequests } from './queue-requests.ts'

const DROPPED = JSON.stringify({
  name: 'MillraceError',
  message: 'the queue was full, and this was the oldest message of the lowest priority; it has no dead-letter topic',
})

/** What of a queue it takes. */
export interface DroppingQueue {
  readonly core: QueueCore
  readonly policy: QueuePolicy
  readonly facts: MessageFacts
  readonly letters: Pick<QueueLetters, 'writeDropped'>
  readonly requests: Pick<QueueRequests, 'ended'>
  readonly upcalls: { attemptFailed(failure: FailedAttempt, error: string): void; fault(point: number): void }
}

/** Writes the letters of these, up to the first that has no room. Returns how many are gone. */
export function drop(queue: DroppingQueue, chosen: readonly QueueLetter[]): number {
  const { core, policy, facts, requests, upcalls } = queue
  const { hasDeadLetters } = policy
  let gone = 0
  while (gone < chosen.length && (!hasDeadLetters || buries(queue, chosen[gone] as QueueLetter))) gone++
  core.dropped(gone)
  for (const { offset, failedAttempts } of chosen.slice(0, gone)) {
    requests.ended(offset, 'maxlen')
    facts.settledAs(hasDeadLetters ? 'deadLettered' : 'dropped', offset)
    if (!hasDeadLetters) upcalls.attemptFailed({ offset, failedAttempts }, DROPPED)
  }
  return gone
}

/** Whether its letter is written. A host that dies in between leaves a message of which its successor knows that it dies. */
function buries({ core, facts, letters, upcalls }: DroppingQueue, letter: QueueLetter): boolean {
  const { offset } = letter
  if (!facts.dies(letter)) return false
  const isWritten = letters.writeDropped(letter)
  if (isWritten) upcalls.fault(FAULT_POINT.betweenDeadLetterAndVerdict)
  else facts.stays(offset, core.attemptOf(offset))
  return isWritten
}
