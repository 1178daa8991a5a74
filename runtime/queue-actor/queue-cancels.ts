/**
 * Cancels one message of a queue: takes it back where it has not begun, and marks it where a consumer has begun it.
 *
 * The partition host's thread. What is marked is cancelled when its consumer lets go of it, unless that is by an ack; who asked asks again
 * until it knows (control/message-cancels.ts). A successor knows no marks: it is asked again as well.
 */
import type { Standing } from 'sharedarraybuffer-ring'
import type { CancelAnswer } from '../wire/queue-asks.ts'
import type { Offset } from '../words/quantities.ts'
import type { CoreClaim } from './consumer-claims.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { QueueParts } from './queue-parts.ts'

/** All that its consumers have ended was taken in. `cancelled` is to be written down before it is told. */
export function cancelMessage(parts: QueueParts, offset: Offset): CancelAnswer {
  if (takesBack(parts, offset)) {
    parts.requests.ended(offset, 'cancelled')
    parts.facts.settledAs('cancelled', offset)
    return 'cancelled'
  }
  if (parts.cancelledOut.has(offset)) return 'cancelled'
  const { state } = parts.core.explain(offset)
  if (state !== 'unacked') return state === 'dying' || state === 'unknown' ? state : 'settled'
  for (const consumer of parts.consumers.values()) {
    const held = consumer.find(offset)
    if (held !== null) return mark(parts, consumer, held.tag, held.standing)
  }
  // It is being sent, piece by piece.
  return 'passing'
}

/** It waits, or its consumer has it in advance. */
function takesBack(parts: QueueParts, offset: Offset): boolean {
  return parts.core.cancel(offset) || (recalls(parts, offset) && parts.core.cancel(offset))
}

/** A consumer has it in advance, and gives it back. */
export function recalls(parts: QueueParts, offset: Offset): boolean {
  for (const consumer of parts.consumers.values()) {
    const tag = consumer.waiting().find(waiting => waiting.offset === offset)?.tag
    if (tag === undefined) continue
    if (!consumer.recall(tag)) return false
    parts.takeBack(consumer.number, offset, consumer.claimOf(tag) as CoreClaim)
    parts.over(consumer, tag, 0)
    return true
  }
  return false
}

function mark(parts: QueueParts, consumer: QueueConsumer, tag: number, standing: Standing): CancelAnswer {
  const claim = consumer.claimOf(tag) as CoreClaim
  parts.core.cancelOut(consumer.number, claim.slot, claim.tag)
  const { cursor, epoch } = consumer.place
  // It is about to begin, or how it ended is on its way.
  return standing === 'begun' ? { cursor, epoch, tag } : 'passing'
}
