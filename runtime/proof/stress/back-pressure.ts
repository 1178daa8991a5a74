/**
 * A consumer a thousand times slower than its producer: what is full stays full, and memory does not grow.
 *
 *   node dist/runtime/proof/stress/back-pressure.js [seconds 60]
 *
 * Fills every buffer once with un-awaited publishes (1 KB values) until one is refused, then keeps them full and watches
 * the process's memory. Fails when memory grows by more than 1 MB a minute, when something is lost or out of order, or
 * when tryPublish takes a record for a full partition. In less than a minute the growth of a whole process says nothing:
 * a short dose judges what is left on this thread's heap, and in its buffers, after a collection, by 10 MB a minute.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openBroker } from '../../api/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Message } from '../../words/message.ts'

const KEYS = 64
const VALUE_BYTES = 1_024
const SAMPLE_MS = 200
const SLOPE_MB_PER_MINUTE_MAX = 1
const SHORT_SECONDS = 60
const SHORT_SLOPE_MB_PER_MINUTE_MAX = 10
/** The first part of the watch is not judged: freed memory of the filling goes back to the system in it. */
const SETTLE_SHARE = 0.25

interface Sample {
  readonly minutes: number
  readonly megabytes: number
}

/** Least squares. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (pick: (sample: Sample) => number): number =>
    samples.reduce((sum, each) => sum + pick(each), 0) / samples.length
  const minutes = mean(sample => sample.minutes)
  const megabytes = mean(sample => sample.megabytes)
  const over = samples.reduce((sum, each) => sum + (each.minutes - minutes) * (each.megabytes - megabytes), 0)
  return over / samples.reduce((sum, each) => sum + (each.minutes - minutes) ** 2, 0)
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

async function main(seconds: number): Promise<boolean> {
  const short = seconds < SHORT_SECONDS
  const collect = collector()
  const bytesNow = (): number => {
    if (!short) return process.memoryUsage.rss()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const broker = await openBroker()
  const topic = await broker.topic<Uint8Array>('slow', { partitions: 4, codec: 'bytes' })
  const run = await topic.group('slow').run<{ readonly records: number; readonly outOfOrder: number }>({
    handler: new URL('./slow-handler.fixture.js', import.meta.url),
  })
  const nextOf = new Array<number>(KEYS).fill(0)
  let turn = 0
  let acked = 0
  let refused = 0
  const pending = new Set<Promise<unknown>>()

  /** Publishes the next number of the next key; a refused one is taken back, so that numbers have no gap. */
  const publishOne = async (): Promise<void> => {
    const key = turn++ % KEYS
    const value = new Uint8Array(VALUE_BYTES)
    new DataView(value.buffer).setUint32(0, nextOf[key] as number)
    nextOf[key] = (nextOf[key] as number) + 1
    const message: Message<Uint8Array> = { key: `key-${key}`, value }
    try {
      await topic.publish(message, { timeoutMs: Number.POSITIVE_INFINITY })
      acked++
    } catch (error) {
      if (!isMillraceError(error, 'MILL_FULL')) throw error
      refused++
      nextOf[key] = (nextOf[key] as number) - 1
    }
  }
  const refill = async (): Promise<void> => {
    const before = refused
    for (let count = 0; refused === before; count++) {
      const one = publishOne().finally(() => pending.delete(one))
      pending.add(one)
      // A refusal is known one turn later; nothing of this key may follow before.
      await Promise.resolve()
      if (count % 512 === 511) await new Promise(setImmediate)
    }
  }

  const filled = performance.now()
  await refill()
  console.log(
    `filled in ${Math.round(performance.now() - filled)} ms: ${acked} appended, ${pending.size} waiting, 1 refused`,
  )
  const samples: Sample[] = []
  let tryTaken = 0
  const since = performance.now()
  while (performance.now() - since < seconds * 1_000) {
    await new Promise(resolve => setTimeout(resolve, SAMPLE_MS))
    await refill()
    if (topic.tryPublish({ key: 'key-0', value: new Uint8Array(VALUE_BYTES) })) tryTaken++
    samples.push({ minutes: (performance.now() - since) / 60_000, megabytes: bytesNow() / 2 ** 20 })
  }
  const judged = samples.slice(Math.floor(samples.length * SETTLE_SHARE))
  const slope = slopeOf(judged)
  const slopeMax = short ? SHORT_SLOPE_MB_PER_MINUTE_MAX : SLOPE_MB_PER_MINUTE_MAX
  const range = judged.map(sample => sample.megabytes)
  console.log(
    `memory: ${slope.toFixed(2)} MB/min over ${judged.length} samples, ${Math.min(...range).toFixed(0)}-${Math.max(...range).toFixed(0)} MB`,
  )
  await Promise.all(pending)
  await run.idle()
  const { results } = await run.stop({ timeoutMs: 60_000 })
  await broker.close()
  const handled = results.reduce((sum, result) => sum + result.records, 0)
  const outOfOrder = results.reduce((sum, result) => sum + result.outOfOrder, 0)
  console.log(
    `${acked} appended, ${handled} handled, ${outOfOrder} out of order, ${refused} refused, ${tryTaken} taken by tryPublish while full`,
  )
  return slope < slopeMax && handled === acked && outOfOrder === 0 && tryTaken === 0
}

const passed = await main(Number(process.argv[2] ?? 60)).catch((error: unknown) => {
  console.error(error)
  return false
})
console.log(passed ? 'passed' : 'FAILED')
process.exitCode = passed ? 0 : 1
