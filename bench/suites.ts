/** Which cases, payloads and subjects a suite measures. */

import { bareWorkers } from './rivals/bare-workers.ts'
import { piscina } from './rivals/piscina.ts'
import { postMessage } from './rivals/post-message.ts'
import { postMessage100 } from './rivals/post-message-100.ts'
import { rawPipeline } from './rivals/raw-pipeline.ts'
import { ringbuf } from './rivals/ringbuf.ts'
import { rxjs } from './rivals/rxjs.ts'
import type { CaseName, Spec, Subject } from './subject.ts'
import { millrace } from './subjects/millrace.ts'
import { millraceCompute } from './subjects/millrace-compute.ts'
import { ring, ringJs } from './subjects/ring.ts'
import { createWorkload, type PayloadName } from './workload.ts'

export const suiteNames = ['ring', 'pipeline', 'compute'] as const
export type SuiteName = (typeof suiteNames)[number]

export interface Suite {
  readonly subjects: readonly Subject[]
  readonly cases: readonly CaseName[]
  readonly payloads: readonly PayloadName[]
  readonly hops: 1 | 2
}

export const suites: Readonly<Record<SuiteName, Suite>> = {
  ring: {
    subjects: [ring, ringJs, postMessage, postMessage100, ringbuf],
    cases: ['ring-batch32', 'ring-each'],
    payloads: ['64', '1024'],
    hops: 1,
  },
  pipeline: {
    subjects: [millrace, postMessage, postMessage100, ringbuf, piscina, rxjs, rawPipeline],
    cases: ['eachBatch', 'eachMessage', 'awaited'],
    payloads: ['64', '1024', 'json'],
    hops: 2,
  },
  compute: {
    subjects: [millraceCompute, bareWorkers],
    cases: ['compute-1', 'compute-2'],
    payloads: ['64'],
    hops: 2,
  },
}

export function specsOf({ cases, payloads, hops }: Suite): Spec[] {
  return cases.flatMap(caseName =>
    payloads.map(payload => {
      const check = payload === 'json' ? 'json' : hops === 1 ? 'ends' : 'bytes'
      return { caseName, workload: createWorkload(payload, check), hops }
    }),
  )
}
