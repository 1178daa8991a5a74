/** Handlers that compute, on one thread and on two. */
import { bareWorkers } from '../rivals/bare-workers.ts'
import type { CaseName } from '../subject.ts'
import { millraceCompute } from '../subjects/millrace-compute.ts'
import type { Suite } from '../suite.ts'

const computers = [millraceCompute, bareWorkers]

export const computeSuite: Suite = {
  hops: 2,
  cases: [
    { name: 'compute-1', about: 'handlers that compute, on one thread' },
    { name: 'compute-2', about: 'and on two' },
  ].map(one => ({ ...one, name: one.name as CaseName, subjects: computers, payloads: ['64'] })),
}
