/** A thread of a program under load: publishes, reads a group and a queue, and notes in words of its own what it was told. */
import { workerData } from 'node:worker_threads'
import { attachBroker } from '../../index.ts'

export interface AttachedLoad {
  readonly ticket: string
  readonly life: number
  /** How it ends by itself; null: it is terminated. */
  readonly end: 'exit' | 'throw' | 'return' | null
  readonly afterMs: number
  /** 0: it is attached; 1: records that were acknowledged to it, of those it numbers from 0. */
  readonly words: Int32Array
  /** By number of a record of the topic `work`, and of a message of the queue: 1 when it was read. */
  readonly read: Uint8Array
  readonly handled: Uint8Array
}

export interface LifeRecord {
  readonly life: number
  readonly n: number
}

const WINDOW = 32

async function live({ ticket, life, end, afterMs, words, read, handled }: AttachedLoad): Promise<void> {
  const broker = await attachBroker(ticket, { logger: false })
  const [made, work] = [await broker.topic<LifeRecord>('made'), await broker.topic<number>('work')]
  const tasks = await broker.queue<number>('tasks')
  Atomics.store(words, 0, 1)
  let isOver = false
  const reading = (async () => {
    for await (const delivery of work.group('g').consume()) {
      Atomics.store(read, delivery.value, 1)
      delivery.ack()
    }
  })()
  const handling = tasks.handle(({ value }) => void Atomics.store(handled, value, 1), { concurrency: 4 })
  setTimeout(() => {
    if (end === 'exit') process.exit(3)
    if (end === 'throw') throw new Error('this thread ends so')
    if (end === 'return') isOver = true
  }, afterMs)
  for (let n = 0; !isOver; n += WINDOW) {
    await Promise.all(Array.from({ length: WINDOW }, (_, i) => made.publish({ value: { life, n: n + i } })))
    Atomics.store(words, 1, n + WINDOW)
  }
  await handling
  await broker.close()
  await reading
}

await live(workerData as AttachedLoad)
