/**
 * What the tutorials came to, as text for people.
 */
import type { Confirmed } from './confirms.ts'
import type { Subscribed } from './publish-subscribe.ts'
import type { Routed } from './routing.ts'
import type { Answered } from './rpc.ts'
import type { Sorted } from './topics.ts'
import type { WorkDone } from './work-queues.ts'

export interface Result {
  readonly workQueues: WorkDone
  readonly publishSubscribe: Subscribed
  readonly routing: Routed
  readonly topics: Sorted
  readonly rpc: Answered
  readonly confirms: Confirmed
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

export function toText({ workQueues, publishSubscribe, routing, topics, rpc, confirms }: Result): string {
  const { tasks, dots, workers } = workQueues
  const { screen, disk, history } = publishSubscribe
  const { lines, kernel, alarms, archive, unreadable, example } = topics
  const { messages, oneByOne, inWindows, atOnce, accepted } = confirms
  return [
    `Work queues: ${tasks} tasks of ${dots} ms, done by ${workers} ${workers === 1 ? 'worker' : 'workers'}.`,
    `Publish and subscribe: screen has ${screen.join(', ')}; disk, bound later, ${disk.join(', ')}; the topic ${history.join(', ')}.`,
    `Routing: console has ${routing.console.join(', ')}; file ${routing.file.join(', ')}. A debug line: ${routing.refused}.`,
    `Topics: of ${grouped(lines)} lines ${grouped(kernel)} are of the kernel and ${grouped(alarms)} alarms; ${grouped(archive)} are in the archive, ${grouped(unreadable)} unreadable.`,
    `  ${example.key} goes to ${example.targets.join(', ')}.`,
    `RPC: fib of 10, 20 and 5 is ${rpc.replies.join(', ')}; of -1: ${rpc.refused}.`,
    `Confirms, in messages a second: ${grouped(oneByOne)} one by one, ${grouped(inWindows)} in windows of 100, ${grouped(atOnce)} at once. ${grouped(accepted)} of ${grouped(3 * messages)} have arrived.`,
  ].join('\n')
}
