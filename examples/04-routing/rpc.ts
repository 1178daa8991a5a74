/** Tutorial 6, RPC: a request is answered with what the handler returned. There is no queue for replies, and no correlation id. */
import { type Broker, defineQueue, isMillraceError, type QueueDefinition } from 'millrace'

export interface Answered {
  /** Fibonacci numbers, in the order of the calls. */
  readonly replies: readonly number[]
  /** What a call was answered whose handler failed. */
  readonly refused: string
}

const fibQueue: QueueDefinition<number, number> = defineQueue<number, number>('fib', { attempts: 1 })

export async function rpc(broker: Broker, threads: number): Promise<Answered> {
  const queue = await broker.queue(fibQueue)
  const serving = await queue.run({ handler: new URL('./fib.js', import.meta.url), threads })
  const replies = await Promise.all([10, 20, 5].map(value => queue.request({ value }, { timeoutMs: 20_000 })))
  const refused = await queue.request({ value: -1 }, { timeoutMs: 20_000 }).catch((error: unknown) => error)
  await serving.stop()
  return { replies, refused: isMillraceError(refused) ? refused.code : 'an answer' }
}
