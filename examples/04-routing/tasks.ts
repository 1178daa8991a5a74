/**
 * The handler of the queue `tasks`: each dot of a task is a millisecond of work, as in the tutorial, where it is a second.
 *
 * Runs on worker threads.
 */
import { threadId } from 'node:worker_threads'
import type { QueueDelivery } from 'millrace'

export default function work({ value }: QueueDelivery<string>): { readonly dots: number; readonly thread: number } {
  const dots = value.split('.').length - 1
  const end = performance.now() + dots
  while (performance.now() < end);
  return { dots, thread: threadId }
}
