/** What a member gives each of its executors; types only. */

import type { UserContext } from '../base/user-context.ts'
import type { AnyHandler } from '../options/define.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { Intake } from '../reader/intake.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { QueueReader } from '../reader/queue-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { BatchShape } from '../wire/member-calls.ts'
import type { RetryOrder } from '../words/group-options.ts'
import type { DeliveryContext } from './delivery-context.ts'
import type { OneAtATime } from './one-at-a-time.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'

/** What each kind needs to run one partition, or one consumer of a queue. */
interface CommonSetting {
  readonly context: DeliveryContext
  /** Where the handler is called. */
  readonly userContext: UserContext
  readonly handlerTimeoutMs: number
  /** Takes what the handler returns; null: it is dropped. */
  readonly output: Pick<TopicProducer, 'publish' | 'tryPublish' | 'flush'> | null
}

/** For handlers with `message` or `records`, one record after the other (executor.ts). */
export interface ExecutorSetting extends CommonSetting {
  readonly thread: AttachedThread
  readonly reader: PartitionReader
  readonly handler: AnyHandler
  /** Commits each record before its handler is called. */
  readonly atMostOnce: boolean
  /** Shared by the thread's executors; without it none waits for another. */
  readonly turnstile?: OneAtATime
  /** For a handler with snapshots. */
  readonly keeper?: SnapshotKeeper
}

/** For a consumer of a queue (queue-executor.ts). */
export interface QueueExecutorSetting extends CommonSetting {
  readonly thread: Pick<AttachedThread, 'memory' | 'address' | 'phase' | 'wake'>
  readonly reader: QueueReader
  readonly handler: AnyHandler
  /** Acks each message before its handler is called. */
  readonly atMostOnce: boolean
  /** Calls at a time. */
  readonly concurrency: number
  readonly batch: BatchShape
  /** Messages that it may have unsettled; null: that is learnt. */
  readonly prefetch: number | null
}

/** For several records in hand (lane-executor.ts). */
export interface LaneExecutorSetting extends CommonSetting {
  readonly thread: Pick<AttachedThread, 'memory' | 'address' | 'phase' | 'wake'>
  readonly intake: Intake
  readonly handler: AnyHandler
  readonly retryOrder: RetryOrder
  /** Calls at a time. */
  readonly concurrency: number
  readonly batch: BatchShape
  readonly turnstile: OneAtATime
}
