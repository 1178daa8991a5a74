/**
 * Writes the dead letter of a record that a group has given up.
 *
 * The partition host's thread. The record's bytes are found in its partition, from a pinned position or in its log; where
 * retention has removed them there is nothing to keep, and that is said in place of the error.
 */

import type { AppendOutcome } from '../partition/appender.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { type ErrorWire, fromWire } from '../words/errors.ts'
import type { AwaitingLetter } from './awaiting-letter.ts'
import { deadLetterFrame } from './dead-letter.ts'
import { shortStack } from './failure-news.ts'

/** What is to be told of it, or why it is not written. `pin`: window position from which to look for the record. */
export function writeLetter(
  place: GroupPlace,
  source: PartitionActor,
  pin: number,
  target: PartitionActor,
  { failure, error }: AwaitingLetter,
): BrokerEvents['deadLettered'] | Exclude<AppendOutcome, 'appended'> {
  const reason = failure.reason ?? 'failed'
  const record = source.record(pin, failure.offset)
  const { topicName, partition, group, cursor } = place
  const told = fromWire(JSON.parse(error) as ErrorWire)
  const event = { topic: topicName, partition, offset: failure.offset, group, reason, stack: shortStack(told.stack) }
  if (record === null) {
    if (!source.isOnDisk)
      throw new Error(`broken invariant: offset ${failure.offset} is not in the window from position ${pin}`)
    // Groups do not hold retention back.
    return { ...event, message: `${told.message} (no letter is kept: retention had removed the record)` }
  }
  const details = {
    topic: topicName,
    partition,
    offset: failure.offset,
    group,
    cursor,
    reason,
    failedAttempts: failure.failedAttempts,
    firstMs: failure.firstMs,
    lastMs: failure.lastMs,
    error: told,
  }
  const outcome = target.appendLetter(deadLetterFrame(record, details), cursor)
  return outcome === 'appended' ? { ...event, message: told.message } : outcome
}
