/** Streams where little is under way: one publish at a time, a steady pace, or one after a rest. */
import { postMessage } from '../rivals/post-message.ts'
import { postMessageLatency } from '../rivals/post-message-latency.ts'
import { millraceLatency } from '../subjects/handler-latency.ts'
import { millrace, millraceOs } from '../subjects/millrace.ts'
import type { Suite } from '../suite.ts'

const paced = { subjects: [millraceLatency, postMessageLatency], payloads: ['64'], warmUps: 4 } as const

export const latencySuite: Suite = {
  hops: 2,
  cases: [
    {
      name: 'one-by-one',
      about: 'each publication awaited before the next; postMessage: a message there and its confirmation',
      subjects: [millrace, millraceOs, postMessage],
      payloads: ['64'],
      warmUps: 2,
    },
    {
      ...paced,
      name: 'latency-1k',
      about: '1,000 records a second, from publish to the handler; postMessage: over a thread between',
      records: 2_000,
    },
    { ...paced, name: 'latency-10k', about: 'the same, 10,000 a second', records: 20_000 },
    { ...paced, name: 'latency-50k', about: 'the same, 50,000 a second', records: 100_000 },
    { ...paced, name: 'idle', about: 'one after 20 ms of rest, from publish to the handler', records: 100 },
  ],
}
