/** All suites by name. */
import type { Suite } from './suite.ts'
import { attachedSuite } from './suites/attached.ts'
import { computeSuite } from './suites/compute.ts'
import { durableSuite } from './suites/durable.ts'
import { latencySuite } from './suites/latency.ts'
import { partitionsSuite } from './suites/partitions.ts'
import { handlersSuite, pipelineSuite } from './suites/pipeline.ts'
import { programsSuite } from './suites/programs.ts'
import { queueSuite } from './suites/queue.ts'
import { queueRivalsSuite } from './suites/queue-rivals.ts'
import { ringSuite } from './suites/ring.ts'
import { routeSuite } from './suites/route.ts'

export { specOf } from './suite.ts'

export type SuiteName =
  | 'ring'
  | 'pipeline'
  | 'handlers'
  | 'partitions'
  | 'latency'
  | 'attached'
  | 'programs'
  | 'durable'
  | 'compute'
  | 'queue'
  | 'route'
  | 'queue-rivals'

export const suites: Readonly<Record<SuiteName, Suite>> = {
  ring: ringSuite,
  pipeline: pipelineSuite,
  handlers: handlersSuite,
  partitions: partitionsSuite,
  latency: latencySuite,
  attached: attachedSuite,
  programs: programsSuite,
  durable: durableSuite,
  compute: computeSuite,
  queue: queueSuite,
  route: routeSuite,
  'queue-rivals': queueRivalsSuite,
}

export const suiteNames = Object.keys(suites) as readonly SuiteName[]

/** What is measured unless suites are named. The others need servers that are not part of the repository. */
export const ownSuites: readonly SuiteName[] = suiteNames.filter(name => name !== 'queue-rivals')
