/**
 * Publishing by an exchange beside sending to the same queues, and finding targets alone.
 *
 * Main thread. Each publish is awaited, in windows; the values are those of the workload. One queue has two handler threads, as in suite
 * queue. Ten queues have no consumers and are emptied after each run: handlers of ten queues would be what is measured.
 */
import { type Broker, createBroker, type Exchange, type Queue } from 'millrace'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import type { Value } from '../workload.ts'

const WINDOW = 1_000
const QUEUES = 10
const QUEUE_BYTES = 32 * 1_048_576
/** Of messages that the queues without consumers have room for. */
const RUN_MAX = 100_000
const KEYS = 1_000

type Publish = (i: number, value: Value, key: string) => readonly Promise<unknown>[]

export const sendOne: Subject = toOne('send', (queue, _exchange) => (_i, value, key) => [queue.send({ key, value })])
export const exchangeOne: Subject = toOne('exchange', (_queue, exchange) => (i, value, key) => [
  exchange.publish(routingKeys[i % KEYS] as string, { key, value }),
])
export const sendTen: Subject = toTen(
  'ten-sends',
  queues => (_i, value, key) => queues.map(queue => queue.send({ key, value })),
)
export const exchangeTen: Subject = toTen('exchange', (_queues, exchange) => (i, value, key) => [
  exchange.publish(routingKeys[i % KEYS] as string, { key, value }),
])

const routingKeys = Array.from({ length: KEYS }, (_, n) => `orders.eu.paid.${n}`)

async function inWindows(records: number, workload: Spec['workload'], publish: Publish): Promise<void> {
  for (let from = 0; from < records; from += WINDOW) {
    const sent: Promise<unknown>[] = []
    const end = Math.min(records, from + WINDOW)
    for (let i = from; i < end; i++) sent.push(...publish(i, workload.value(i), workload.key(i)))
    await Promise.all(sent)
  }
}

async function boundTo(broker: Broker, queues: readonly Queue<Value>[]): Promise<Exchange<Value>> {
  const exchange = await broker.exchange<Value>('bench', { type: 'topic' })
  for (const queue of queues) await exchange.bind(queue, 'orders.#')
  return exchange
}

function toOne(name: string, how: (queue: Queue<Value>, exchange: Exchange<Value>) => Publish): Subject {
  return {
    name,
    supports: () => true,
    async start({ workload }): Promise<Running> {
      const broker = await createBroker()
      const queue = await broker.queue<Value>('queue', { codec: 'bytes' })
      const exchange = await boundTo(broker, [queue])
      const handler = new URL('./sum-bytes-handler.js', import.meta.url)
      const run = await queue.run<number>({ handler, threads: 2 })
      const publish = how(queue, exchange)
      return {
        async run(records) {
          const elapsed = startStopwatch()
          await inWindows(records, workload, publish)
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
    },
  }
}

function toTen(name: string, how: (queues: readonly Queue<Value>[], exchange: Exchange<Value>) => Publish): Subject {
  return {
    name,
    supports: () => true,
    total: (_spec, records) => QUEUES * records,
    async start({ workload }): Promise<Running> {
      const broker = await createBroker({ memoryMaxBytes: 1 << 30 })
      const names = Array.from({ length: QUEUES }, (_, n) => `queue-${n}`)
      const queues: Queue<Value>[] = []
      for (const each of names) queues.push(await broker.queue<Value>(each, { codec: 'bytes', maxBytes: QUEUE_BYTES }))
      const publish = how(queues, await boundTo(broker, queues))
      return {
        async run(records) {
          let seconds = 0
          for (let left = records; left > 0; left -= RUN_MAX) {
            const elapsed = startStopwatch()
            await inWindows(Math.min(left, RUN_MAX), workload, publish)
            seconds += elapsed()
            for (const queue of queues) await queue.purge()
          }
          return { seconds }
        },
        async stop() {
          const stats = await Promise.all(queues.map(queue => queue.stats()))
          await broker.close()
          return stats.reduce((sum, { accepted }) => sum + accepted, 0)
        },
      }
    },
  }
}
