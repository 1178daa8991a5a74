/** Tutorial 2, work queues: tasks that take time are shared by workers, and each goes to one of them. */
import { type Broker, defineQueue, type QueueDefinition } from 'millrace'

export interface WorkDone {
  readonly tasks: number
  readonly dots: number
  /** Threads that did some of it. */
  readonly workers: number
}

const doneQueue: QueueDefinition<{ dots: number; thread: number }> = defineQueue('done')

export async function workQueues(broker: Broker, tasks: number, threads: number): Promise<WorkDone> {
  const queue = await broker.queue<string>('tasks', { codec: 'string' })
  const done = await broker.queue(doneQueue)
  const workers = new Set<number>()
  let [count, dots] = [0, 0]
  const counting = await done.handle(({ value }) => {
    count++
    dots += value.dots
    workers.add(value.thread)
  })
  const handler = new URL('./tasks.js', import.meta.url)
  // One task at a time for each worker: who has a long one gets no other meanwhile.
  const working = await queue.run({ handler, threads, prefetch: 1, output: doneQueue.name })
  for (let i = 0; i < tasks; i++) await queue.send({ value: `task ${i}${'.'.repeat(i % 5)}` })
  await working.idle()
  await counting.idle()
  return { tasks: count, dots, workers: workers.size }
}
