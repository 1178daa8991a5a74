/**
 * Poison: among 100,000 good orders, one makes its handler loop for ever, one makes it exit, one makes it throw.
 *
 *   orders -> group `packing`: worker threads -> topic `packed` -> group `counting`, here
 *                 ^                  \-> dead letters -> looked at, repaired
 *                 \--------------------------- replayed ------/
 *
 * The three cost their threads, and no other order is lost or held up for longer than their time-outs.
 */
import { createBroker, type DeadLetter, type Message, type ReplayReport } from 'millrace'
import { type Options, parseOptions } from './options.ts'
import { orderMessages, repaired } from './orders.ts'
import { type Result, toJsonLine, toText } from './report.ts'
import { type Order, ordersTopic, packedTopic } from './topics.ts'

/** Orders handed to the broker at a time. */
const BATCH = 5_000

async function packOrders({ good, threads }: Options): Promise<Result> {
  const broker = await createBroker({ logger: false })
  try {
    const orders = await broker.topic(ordersTopic)
    const packed = await broker.topic(packedTopic)
    let restarts = 0
    broker.on('restarted', () => restarts++)

    // At least once: what a dying thread had packed may be packed again, so boxes are counted by order.
    const boxes = new Map<number, number>()
    const counting = await packed.group('counting').handle(({ value }) => void boxes.set(value.id, value.boxes))
    const packing = await orders.group('packing').run({
      handler: new URL('./packing.js', import.meta.url),
      threads,
      attempts: 2,
      backoff: { initialMs: 10 },
      handlerTimeoutMs: 500,
      output: packedTopic.name,
    })

    let published = 0
    let batch: Message<Order>[] = []
    for (const message of orderMessages(good)) {
      if (batch.push(message) < BATCH) continue
      published += (await orders.publishBatch(batch)).count
      batch = []
    }
    published += (await orders.publishBatch(batch)).count
    await packing.idle()

    const letters = broker.deadLetters(ordersTopic)
    const found: DeadLetter<Order>[] = []
    for await (const letter of letters.browse()) found.push(letter)

    // Each is repaired, and goes back to the partition that it came from.
    const report: ReplayReport = await letters.replay({}, { edit: ({ value }) => ({ value: repaired(value) }) })
    await packing.idle()
    await counting.idle()
    const { processed, deadLettered, deadLetterDepth } = await packing.stats()
    return { published, found, report, processed, deadLettered, left: deadLetterDepth, boxes, restarts }
  } finally {
    await broker.close()
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const result = await packOrders(options)
  console.log(options.json ? toJsonLine(result) : toText(result))
}

void main()
