/** A queue's executor on a thread that is played (reader/played-queue.fixture.ts), and promises that a test settles. */
import { UserContext } from '../base/user-context.ts'
import type { AnyHandler } from '../options/define.ts'
import type { Publishers } from '../publish/publishers.ts'
import { PlayedQueue } from '../reader/played-queue.fixture.ts'
import { QueueReader } from '../reader/queue-reader.ts'
import { DeliveryContext } from './delivery-context.ts'
import type { QueueExecutorSetting } from './executor-setting.ts'
import { QueueExecutor } from './queue-executor.ts'

export interface Settleable {
  readonly promise: Promise<unknown>
  resolve(value?: unknown): void
  reject(error: unknown): void
}

export function settleable(): Settleable {
  let resolve: Settleable['resolve'] = () => undefined
  let reject: Settleable['reject'] = () => undefined
  const promise = new Promise<unknown>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** What a call throws; undefined: nothing. */
export function thrown(act: () => unknown): unknown {
  try {
    act()
    return undefined
  } catch (error) {
    return error
  }
}

/** All that is due has happened. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

export interface Handling {
  readonly queue: PlayedQueue
  readonly executor: QueueExecutor
  readonly reader: QueueReader
  /** What was put out or published, to be confirmed by the test. */
  readonly published: { readonly value: unknown; readonly key: unknown; readonly confirm: Settleable }[]
}

export interface HandlingOptions
  extends Partial<Omit<QueueExecutorSetting, 'thread' | 'reader' | 'handler' | 'output'>> {
  /** Of the consumer. */
  readonly most?: number
  readonly puts?: boolean
}

export function handling(handler: AnyHandler, { most = 16, puts = false, ...options }: HandlingOptions = {}): Handling {
  const queue = new PlayedQueue(most)
  const reader = new QueueReader(queue.thread, queue.assignment)
  const published: Handling['published'] = []
  const publish = ({ value, key = null }: { value?: unknown; key?: unknown }): Promise<unknown> => {
    const confirm = settleable()
    published.push({ value, key, confirm })
    return confirm.promise
  }
  const publishers = { publish: (_topic: string, message: object) => publish(message) } as unknown as Publishers
  const output = { publish } as unknown as QueueExecutorSetting['output']
  const setting: QueueExecutorSetting = {
    thread: queue.thread,
    reader,
    handler,
    context: new DeliveryContext('jobs', 'queue', 0, null, publishers, undefined, 'jobs'),
    userContext: new UserContext(),
    handlerTimeoutMs: Number.POSITIVE_INFINITY,
    output: puts ? output : null,
    atMostOnce: false,
    concurrency: 1,
    batch: { maxRecords: handler.batch === undefined ? 1 : 4, maxWaitMs: 0 },
    prefetch: most,
    ...options,
  }
  const executor = new QueueExecutor(setting, 'state')
  queue.taker = executor
  queue.turn()
  return { queue, executor, reader, published }
}
