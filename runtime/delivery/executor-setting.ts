/** What a member gives each of its executors of plain handlers (executor.ts); types only. */

import type { UserContext } from '../base/user-context.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Handler } from '../words/handler.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { OneAtATime } from './one-at-a-time.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'

/** What an executor needs to run one partition. */
export interface ExecutorSetting {
  readonly thread: AttachedThread
  readonly reader: PartitionReader
  readonly handler: Handler<unknown, unknown, unknown>
  readonly context: DeliveryContext
  /** Where the handler is called. */
  readonly userContext: UserContext
  readonly handlerTimeoutMs: number
  /** Commits each record before its handler is called. */
  readonly atMostOnce: boolean
  /** Takes what the handler returns; null: it is dropped. */
  readonly output: TopicProducer | null
  /** Shared by the thread's executors; without it none waits for another. */
  readonly turnstile?: OneAtATime
  /** For a handler with snapshots. */
  readonly keeper?: SnapshotKeeper
}
