/**
 * Updates one message of a queue: one that waits, or that a consumer has in advance and gives back.
 *
 * The partition host's thread. What is different is noted where a successor finds it, and then in the core (queue/updating.ts). On disk it
 * is written down before it is told.
 *
 * Bound: messages that are updated and not settled (update-block.ts, stored-updates.ts); beyond it an update is refused.
 */
import { nowMs } from '../../actors/world.ts'
import type { MessageUpdate } from '../queue/updating.ts'
import type { AskedUpdate, UpdateAnswer } from '../wire/queue-asks.ts'
import { MillraceError } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'
import { recalls } from './queue-cancels.ts'
import type { QueueParts } from './queue-parts.ts'

/** All that its consumers have ended was taken in. @throws MillraceError MILL_FULL */
export function updateMessage(parts: QueueParts, offset: Offset, asked: AskedUpdate): UpdateAnswer {
  const found = parts.core.explain(offset)
  const { state } = found
  if (state === 'dying' || state === 'settled' || state === 'unknown') return state
  if (!parts.messages.updates.hasRoomFor(offset)) throw tooMany(parts)
  if (state === 'unacked' && !recalls(parts, offset)) return 'unacked'
  const { core, facts, messages, source } = parts
  const now = nowMs()
  const dueMs = state === 'scheduled' ? Math.max(found.dueMs, now) : now
  const update = updateOf(asked, dueMs, source.expiresMsOf(offset), now)
  if (!core.update(offset, update, now, kept => noteIn(messages.updates, offset, kept))) return 'unacked'
  // The time of a retry is no field of the message.
  if (state === 'retrying') facts.takenBack(offset, core.attemptOf(offset))
  parts.upcalls.woken()
  return 'updated'
}

/** `isDueMs`: when it is due as things stand. What has a new delay lives as long behind it as it would have, unless its time is over. */
function updateOf(
  { priority, dueMs, livesMs }: AskedUpdate,
  isDueMs: number,
  expiresMs: number,
  now: number,
): MessageUpdate {
  const newDueMs = dueMs === null ? null : Math.max(1, dueMs)
  const fromMs = newDueMs === null ? isDueMs : Math.max(newDueMs, now)
  if (livesMs !== null) return { priority, dueMs: newDueMs, expiresMs: fromMs + livesMs }
  const keeps = newDueMs === null || expiresMs === Number.POSITIVE_INFINITY || expiresMs <= isDueMs
  return { priority, dueMs: newDueMs, expiresMs: keeps ? null : fromMs + expiresMs - isDueMs }
}

function noteIn(updates: QueueParts['messages']['updates'], offset: Offset, kept: MessageUpdate): void {
  if (kept.priority !== null || kept.dueMs !== null || kept.expiresMs !== null) updates.put(offset, kept)
}

function tooMany({ place, messages }: QueueParts): MillraceError {
  const text =
    `queue ${place.topicName} keeps ${messages.updates.most} updated messages that are not settled, and can keep no more: ` +
    'update others once some of them are settled'
  return new MillraceError('MILL_FULL', text)
}
