/**
 * Work queues beside our own streams: a queue with default options and two handler threads that settle each message by itself.
 *
 * Main thread. All send as a user would: without a promise, and with one when there is no room. `stream` is the subject
 * `millrace` of suite pipeline, `stream-2` the same with as many handler threads as the queues have.
 */
import { type BrokerOptions, createBroker, type QueueMessage } from 'millrace'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import type { Value } from '../workload.ts'
import { inFolder } from './in-folder.ts'
import { startStream } from './millrace.ts'

/** Handler threads of the queues. */
export const consumerThreads = 2

interface Shape {
  /** Default: what the consumer learns. */
  readonly prefetch?: number
  /** Each message has one of them, in turn; default 1. */
  readonly priorities?: number
  /** One message of each of so many keys at a time, in turn; default: keys mean nothing, and are those of the workload. */
  readonly keys?: number
  /** On disk, in a new folder for each round; default: in memory. */
  readonly durability?: 'memory' | 'os' | 'fsync'
}

export const stream: Subject = { name: 'stream', supports: () => true, start: spec => startStream(spec) }

export const stream2: Subject = {
  name: 'stream-2',
  supports: () => true,
  start: spec => startStream(spec, { threads: consumerThreads }),
}

export const queue: Subject = of('queue')
export const queuePrefetch10: Subject = of('queue-prefetch-10', { prefetch: 10 })
export const queuePrefetch100: Subject = of('queue-prefetch-100', { prefetch: 100 })
export const queuePriorities8: Subject = of('queue-priorities-8', { priorities: 8 })
export const queueKeys: Subject = of('queue-keys-10000', { keys: 10_000 })
export const queueOs: Subject = of('queue-os', { durability: 'os' })
export const queueFsync: Subject = of('queue-fsync', { durability: 'fsync' })

function of(name: string, shape: Shape = {}): Subject {
  return {
    name,
    supports: () => true,
    start: spec => (shape.durability === undefined ? start(spec, shape) : inFolder(dir => start(spec, shape, { dir }))),
  }
}

async function start(
  { workload }: Spec,
  { prefetch, priorities = 1, keys, durability = 'memory' }: Shape,
  brokerOptions: BrokerOptions = {},
): Promise<Running> {
  const broker = await createBroker(brokerOptions)
  const keyConcurrency = keys === undefined ? undefined : 1
  const keyOf = keys === undefined ? workload.key : keysOf(keys)
  const sent = await broker.queue<Value>('bench', { codec: 'bytes', priorities, durability, keyConcurrency })
  const handler = new URL('./sum-bytes-handler.js', import.meta.url)
  const run = await sent.run<number>({ handler, threads: consumerThreads, prefetch })
  const message = (i: number): QueueMessage<Value> => ({
    key: keyOf(i),
    value: workload.value(i),
    priority: i % priorities,
  })
  return {
    async run(records) {
      const elapsed = startStopwatch()
      for (let i = 0; i < records; i++) {
        const next = message(i)
        if (!sent.trySend(next)) await sent.send(next)
      }
      await sent.flush()
      await run.idle()
      return { seconds: elapsed() }
    },
    async stop() {
      try {
        const { results } = await run.stop()
        return results.reduce((a, b) => a + b, 0)
      } finally {
        await broker.close()
      }
    },
  }
}

/** So many keys in turn. */
function keysOf(keys: number): (i: number) => string {
  const names = Array.from({ length: keys }, (_, key) => `key-${key}`)
  return i => names[i % keys] as string
}
