/** Which cases, payloads and subjects a suite measures. */

import type { Effort } from './harness.ts'
import { bareWorkers } from './rivals/bare-workers.ts'
import { bullmq } from './rivals/bullmq.ts'
import { futex } from './rivals/futex.ts'
import { memoryCopy } from './rivals/memory-copy.ts'
import { piscina } from './rivals/piscina.ts'
import { postMessage } from './rivals/post-message.ts'
import { postMessage100 } from './rivals/post-message-100.ts'
import { rabbitmqClassic, rabbitmqQuorum } from './rivals/rabbitmq.ts'
import { rawPipeline } from './rivals/raw-pipeline.ts'
import { ringbuf } from './rivals/ringbuf.ts'
import { rxjs } from './rivals/rxjs.ts'
import { sequentialWrite } from './rivals/sequential-write.ts'
import type { CaseName, Spec, Subject } from './subject.ts'
import { dryRoutes } from './subjects/dry-routes.ts'
import { exchangeOne, exchangeTen, sendOne, sendTen } from './subjects/exchange.ts'
import { queueLatency, requestLatency, streamLatency } from './subjects/handler-latency.ts'
import { millrace, millraceFsync, millraceOs } from './subjects/millrace.ts'
import { millraceCompute } from './subjects/millrace-compute.ts'
import {
  queue,
  queueFsync,
  queueKeys,
  queueOs,
  queuePrefetch10,
  queuePrefetch100,
  queuePriorities8,
  stream,
  stream2,
} from './subjects/millrace-queue.ts'
import { ring, ringJs } from './subjects/ring.ts'
import { ringHeap } from './subjects/ring-heap.ts'
import { roundTrip } from './subjects/round-trip.ts'
import { logWindow } from './subjects/window.ts'
import { createWorkload, type PayloadName } from './workload.ts'

export const suiteNames = ['ring', 'pipeline', 'durable', 'compute', 'queue', 'route', 'queue-rivals'] as const
export type SuiteName = (typeof suiteNames)[number]

/** What is measured unless suites are named. The others need servers that are not part of the repository. */
export const ownSuites: readonly SuiteName[] = suiteNames.filter(name => name !== 'queue-rivals')

export interface SuiteCase {
  readonly name: CaseName
  readonly about: string
  readonly subjects: readonly Subject[]
  readonly payloads: readonly PayloadName[]
  /** Records of the measured run; default: as many as take a while. */
  readonly records?: number
  /** How many times as long as usual its warm-up takes: much code, or paced calls, are not compiled in the usual time. */
  readonly warmUps?: number
}

export interface Suite {
  readonly cases: readonly SuiteCase[]
  readonly hops: 1 | 2
  /** What full effort is here, where it is not the usual. */
  readonly effort?: Partial<Effort>
}

const oneHop = [ring, ringJs, postMessage, postMessage100, ringbuf, memoryCopy]
const pipelines = [millrace, postMessage, postMessage100, ringbuf, piscina, rxjs, rawPipeline]
const computers = [millraceCompute, bareWorkers]

export const suites: Readonly<Record<SuiteName, Suite>> = {
  ring: {
    hops: 1,
    effort: { rounds: 9 },
    cases: [
      {
        name: 'ring-batch32',
        about: 'one hop, main to a thread, 32 records a publication; memory-copy: the copy alone, on one thread',
        subjects: oneHop,
        payloads: ['64', '1024'],
      },
      {
        name: 'ring-each',
        about: 'one hop, each record published by itself',
        subjects: oneHop,
        payloads: ['64', '1024'],
      },
      {
        name: 'ring-round-trip',
        about: 'there and back between two threads that park in Atomics.wait at once, beside two bare words',
        subjects: [roundTrip, futex],
        payloads: ['64'],
      },
      {
        name: 'ring-round-trip-async',
        about: 'the same with main waiting by Atomics.waitAsync',
        subjects: [roundTrip, futex],
        payloads: ['64'],
      },
      {
        name: 'ring-heap',
        about:
          'growth of both heaps over 10 million records, after warm-up, between forced collections, in a child process',
        subjects: [ringHeap],
        payloads: ['64'],
        records: 10_000_000,
      },
      {
        name: 'window-batch32',
        about: 'one writer, three readers on gates of their own: records that each reader gets, beside one ring',
        subjects: [logWindow, ring, memoryCopy],
        payloads: ['64'],
      },
    ],
  },
  pipeline: {
    hops: 2,
    cases: [
      { name: 'eachBatch', about: 'main to four partitions to handlers, 512 records at a time' },
      { name: 'eachMessage', about: 'the same, each record by itself' },
      { name: 'awaited', about: 'the same, each publication awaited, in windows of 1,000' },
    ].map(one => ({ ...one, name: one.name as CaseName, subjects: pipelines, payloads: ['64', '1024', 'json'] })),
  },
  durable: {
    hops: 2,
    // A group that falls out of the window reads files: other code, which is cold for longer.
    effort: { warmUpSeconds: 2, runSeconds: 1.5 },
    cases: [
      {
        name: 'durable',
        about: 'main to four partitions on disk to handlers, 512 records at a time; sequential-write: the disk alone',
        subjects: [millraceFsync, millraceOs, millrace, sequentialWrite],
        payloads: ['100'],
      },
      {
        name: 'durable-paced',
        about: '100,000 records a second, each awaited; measured from when it was due to its receipt',
        subjects: [millraceFsync, millraceOs, millrace],
        payloads: ['100'],
        records: 100_000,
      },
    ],
  },
  compute: {
    hops: 2,
    cases: [
      { name: 'compute-1', about: 'handlers that compute, on one thread' },
      { name: 'compute-2', about: 'and on two' },
    ].map(one => ({ ...one, name: one.name as CaseName, subjects: computers, payloads: ['64'] })),
  },
  queue: {
    hops: 2,
    cases: [
      {
        name: 'queue-each',
        about:
          'main to a work queue to two handler threads, each message settled by itself, beside eachMessage of a topic',
        subjects: [
          stream,
          stream2,
          queue,
          queuePrefetch10,
          queuePrefetch100,
          queuePriorities8,
          queueKeys,
          queueOs,
          queueFsync,
        ],
        payloads: ['100'],
        warmUps: 4,
      },
      {
        name: 'queue-latency',
        about: '10,000 messages a second, from the call that sends to the handler, beside a topic',
        subjects: [streamLatency, queueLatency],
        payloads: ['100'],
        records: 20_000,
        warmUps: 8,
      },
      {
        name: 'request-latency',
        about: '1,000 a second: from the call of a request to its answer, beside the call that sends and the handler',
        subjects: [requestLatency, queueLatency],
        payloads: ['100'],
        records: 5_000,
        warmUps: 8,
      },
    ],
  },
  route: {
    hops: 2,
    cases: [
      {
        name: 'route-dry',
        about:
          'targets found of keys out of 100,000, by 10,000 bindings of a topic exchange; each asked for by a promise',
        subjects: [dryRoutes],
        payloads: ['100'],
        warmUps: 2,
      },
      {
        name: 'route-1',
        about: 'main to a queue to two handler threads, by an exchange or by send; each awaited, in windows of 1,000',
        subjects: [sendOne, exchangeOne],
        payloads: ['100'],
        warmUps: 4,
      },
      {
        name: 'route-10',
        about: 'main to ten queues that nothing consumes, by an exchange or by ten sends; awaited in windows of 1,000',
        subjects: [sendTen, exchangeTen],
        payloads: ['100'],
        warmUps: 4,
      },
    ],
  },
  'queue-rivals': {
    hops: 2,
    cases: [
      {
        name: 'queue-servers',
        about: 'the same on disk, beside servers on loopback: RabbitMQ (confirmed, prefetch 100), BullMQ on Redis',
        subjects: [queueOs, queueFsync, rabbitmqClassic, rabbitmqQuorum, bullmq],
        payloads: ['100'],
        warmUps: 4,
      },
    ],
  },
}

export function specOf({ hops }: Suite, { name, records, warmUps = 1 }: SuiteCase, payload: PayloadName): Spec {
  const check = payload === 'json' ? 'json' : hops === 1 ? 'ends' : 'bytes'
  const spec = { caseName: name, workload: createWorkload(payload, check), hops, warmUps }
  return records === undefined ? spec : { ...spec, records }
}
