/** What the threads of a run must know of it: what the run asked for, and what its group has settled for all. Control thread. */

import type { RunSpec } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { TopicShape } from '../wire/places.ts'
import { MillraceError } from '../words/errors.ts'
import type { GroupEntry } from './catalog-entries.ts'

/** @throws MillraceError MILL_CONFIG_MISMATCH when the group does not allow what the run asks for */
export function runShape(run: number, topic: TopicShape, spec: RunSpec, group: GroupEntry): RunShape {
  const { order } = group.spec.policy
  // Consumers of a queue may differ.
  const { atMostOnce } = topic.queue === undefined ? group.spec.policy : spec.policy
  if (topic.queue === undefined && atMostOnce && (spec.concurrency > 1 || spec.batch !== null)) {
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `group ${spec.group} delivers at most once, one record of a partition at a time; leave \`concurrency\` and \`batch\` out`,
    )
  }
  return {
    run,
    topic,
    group: spec.group,
    handlerTimeoutMs: spec.handlerTimeoutMs,
    output: spec.output,
    atMostOnce,
    retryOrder: order,
    concurrency: spec.concurrency,
    batch: spec.batch,
    prefetch: spec.prefetch ?? null,
    consumerPriority: spec.consumerPriority ?? 0,
  }
}

/** Whose run it is, for people. */
export function ownerOf({ topic, group }: Pick<RunShape, 'topic' | 'group'>): string {
  return topic.queue === undefined ? `group ${group}` : `queue ${topic.name}`
}
