/**
 * Two work queues. The first: pictures to be scaled, on all cores. Urgent ones go first, one makes its handler spin, and one is broken.
 *
 *   queue `pictures` -> worker threads -> queue `scaled` -> counted here
 *         ^                  \-> dead letters -> looked at, mended
 *         \--------------------------- replayed ----/
 *
 * Each picture goes to the thread that is free. The spinning one costs its thread a time-out, and no other picture waits for it.
 * The second has prints in order for each customer, with delays, times to live and a cancel (prints.ts).
 */
import { createBroker, type DeadLetter, type QueueMessage, type ReplayReport } from 'millrace'
import { type Options, parseOptions } from './options.ts'
import { mended, pictureMessages } from './pictures.ts'
import { printAll } from './prints.ts'
import { type Picture, picturesQueue, scaledQueue } from './queues.ts'
import { type Result, toJsonLine, toText } from './report.ts'

/** Pictures sent at a time. */
const BATCH = 1_000

async function work({ good, threads }: Options): Promise<Result> {
  const broker = await createBroker({ logger: false })
  try {
    const pictures = await broker.queue(picturesQueue)
    const scaled = await broker.queue(scaledQueue)
    let restarts = 0
    broker.on('restarted', () => restarts++)

    // All are there before the first is handled, so that one can see that the urgent ones go first.
    let sent = 0
    let batch: QueueMessage<Picture>[] = []
    for (const message of pictureMessages(good)) {
      if (batch.push(message) < BATCH) continue
      sent += (await pictures.sendBatch(batch)).count
      batch = []
    }
    sent += (await pictures.sendBatch(batch)).count

    // At least once: what a dying thread had scaled may be scaled again, so pixels are counted by picture.
    const pixels = new Map<number, number>()
    const order: boolean[] = []
    const counting = await scaled.handle(({ value }) => {
      order.push(value.isUrgent)
      pixels.set(value.id, value.pixels)
    })
    const scaling = await pictures.run({
      prefetch: 8,
      handler: new URL('./scaling.js', import.meta.url),
      threads,
      handlerTimeoutMs: 500,
      output: scaledQueue.name,
    })
    await scaling.idle()

    const letters = broker.deadLetters(picturesQueue)
    const found: DeadLetter<Picture>[] = []
    for await (const letter of letters.browse()) found.push(letter)
    const report: ReplayReport = await letters.replay({}, { edit: ({ value }) => ({ value: mended(value) }) })
    await scaling.idle()
    await counting.idle()

    const { acked, deadLettered, deadLetterDepth } = await scaling.stats()
    await scaling.stop()
    const died = restarts
    const prints = await printAll(broker, threads)
    return { sent, found, report, acked, deadLettered, left: deadLetterDepth, pixels, order, restarts: died, prints }
  } finally {
    await broker.close()
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const result = await work(options)
  console.log(options.json ? toJsonLine(result) : toText(result))
}

void main()
