/** The rings by themselves, one hop, and round trips. */
import { futex } from '../rivals/futex.ts'
import { memoryCopy } from '../rivals/memory-copy.ts'
import { postMessage } from '../rivals/post-message.ts'
import { postMessage100 } from '../rivals/post-message-packed.ts'
import { ringbuf } from '../rivals/ringbuf.ts'
import { ring, ringJs } from '../subjects/ring.ts'
import { ringHeap } from '../subjects/ring-heap.ts'
import { roundTrip } from '../subjects/round-trip.ts'
import { logWindow } from '../subjects/window.ts'
import type { Suite } from '../suite.ts'

const oneHop = [ring, ringJs, postMessage, postMessage100, ringbuf, memoryCopy]

export const ringSuite: Suite = {
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
}
