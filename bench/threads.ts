/**
 * Starts the worker threads of subjects that bring their own.
 *
 * Main thread. A thread announces itself with its first message. If one fails later, its unheard `'error'` event ends
 * the benchmark, which is what should happen.
 */
import { once } from 'node:events'
import { type MessagePort, Worker } from 'node:worker_threads'

export async function startThread(
  module: string,
  data: object,
  transferList: readonly MessagePort[] = [],
): Promise<Worker> {
  const worker = new Worker(new URL(module), { workerData: data, transferList: [...transferList], execArgv: [] })
  await once(worker, 'message')
  return worker
}

/** Resolves with the thread's next message. */
export async function nextMessage<M>(worker: Worker): Promise<M> {
  const [message] = (await once(worker, 'message')) as [M]
  return message
}
