/**
 * A consumer a thousand times slower than its producer: what is full stays full, and memory does not grow.
 *
 *   node dist/runtime/proof/stress/back-pressure.js [seconds 60]
 *
 * Fills every buffer once with un-awaited publishes (1 KB values) until one is refused, then keeps them full and watches
 * the process's memory. Fails when memory grows by more than 1 MB a minute, when something is lost or out of order, or
 * when tryPublish takes a record for a full partition.
 */
import { openBroker } from '../../api/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Message } from '../../words/message.ts'
import { MemoryWatch } from './memory-growth.fixture.ts'

const KEYS = 64
const VALUE_BYTES = 1_024
const SAMPLE_MS = 200

async function main(seconds: number): Promise<boolean> {
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
  const watch = new MemoryWatch(seconds)
  let tryTaken = 0
  const since = performance.now()
  while (performance.now() - since < seconds * 1_000) {
    await new Promise(resolve => setTimeout(resolve, SAMPLE_MS))
    await refill()
    if (topic.tryPublish({ key: 'key-0', value: new Uint8Array(VALUE_BYTES) })) tryTaken++
    watch.look()
  }
  const growth = watch.growth()
  console.log(`memory: ${growth.text}`)
  await Promise.all(pending)
  await run.idle()
  const { results } = await run.stop({ timeoutMs: 60_000 })
  await broker.close()
  const handled = results.reduce((sum, result) => sum + result.records, 0)
  const outOfOrder = results.reduce((sum, result) => sum + result.outOfOrder, 0)
  console.log(
    `${acked} appended, ${handled} handled, ${outOfOrder} out of order, ${refused} refused, ${tryTaken} taken by tryPublish while full`,
  )
  return growth.isFlat && handled === acked && outOfOrder === 0 && tryTaken === 0
}

const passed = await main(Number(process.argv[2] ?? 60)).catch((error: unknown) => {
  console.error(error)
  return false
})
console.log(passed ? 'passed' : 'FAILED')
process.exitCode = passed ? 0 : 1
