/** How a publish ends without a receipt: when it is overdue, and what its error says. The producer's thread. */
import { type ProducedTopic, titleOf } from '../wire/produced-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { PublishOptions } from '../words/message.ts'

export const PUBLISH_TIMEOUT_MS = 60_000

/** When a publish is overdue. Only a limit that its caller has set counts what it waits for its rate. */
export function deadlineOf(timeoutMs: number | undefined, since: number, roomSince: number): number {
  return timeoutMs === undefined ? roomSince + PUBLISH_TIMEOUT_MS : since + timeoutMs
}

/** Why a topic that does not let records wait refused one. */
export function fullText(topic: ProducedTopic): string {
  const isDropping = topic.queue?.onFull === 'dropHead'
  const why = isDropping
    ? 'nothing that is ready can be dropped for it, or its dead-letter topic is full'
    : "its onFull is 'reject'"
  return `${titleOf(topic)} is full: its consumers do not keep up, and ${why}`
}

/** @throws MillraceError MILL_ABORTED */
export function checkNotAborted({ signal }: PublishOptions): void {
  if (signal?.aborted !== true) return
  throw new MillraceError('MILL_ABORTED', 'the publish was aborted before it began', { cause: signal.reason })
}

/** Why a publish is given up; `hold` says what holds it, or nothing. */
export function lateText(topic: ProducedTopic, partition: number, timeoutMs: number | undefined, hold: string): string {
  const what =
    topic.queue === undefined
      ? `publishing to partition ${partition} of ${titleOf(topic)}`
      : `sending to ${titleOf(topic)}`
  const took = `${what} took longer than ${Math.round(timeoutMs ?? PUBLISH_TIMEOUT_MS)} ms`
  const doubt = 'a record that was in the ring already may still be appended'
  return `${took}${hold === '' ? '' : `; ${hold}`}; ${doubt}`
}
