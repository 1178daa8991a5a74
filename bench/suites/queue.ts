/** Work queues beside streams, and requests. */
import { postMessageLatency } from '../rivals/post-message-latency.ts'
import { queueLatency, requestLatency, streamLatency } from '../subjects/handler-latency.ts'
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
} from '../subjects/millrace-queue.ts'
import type { Suite } from '../suite.ts'

export const queueSuite: Suite = {
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
      about:
        '10,000 messages a second, from the call that sends to the handler, beside a topic; postMessage: over a thread between',
      subjects: [streamLatency, queueLatency, postMessageLatency],
      payloads: ['100'],
      records: 20_000,
      warmUps: 8,
    },
    {
      name: 'request-latency',
      about:
        '1,000 a second: from the call of a request to its answer, beside the call that sends and the handler; postMessage: there and back',
      subjects: [requestLatency, queueLatency, postMessageLatency],
      payloads: ['100'],
      records: 5_000,
      warmUps: 8,
    },
  ],
}
