/** What the threads of a run must know of it: what the run asked for, and what its group has settled for all. Control thread. */
import type { RunShape, RunSpec, TopicShape } from '../protocol.ts'
import type { GroupEntry } from './catalog.ts'

export function runShape(run: number, topic: TopicShape, spec: RunSpec, group: GroupEntry): RunShape {
  return {
    run,
    topic,
    group: spec.group,
    handlerTimeoutMs: spec.handlerTimeoutMs,
    output: spec.output,
    atMostOnce: group.spec.policy.atMostOnce,
  }
}
