/** The door of millrace: partitioned streams, consumer groups, retries and dead letters on all cores of one process. */
export { type CloseOnSignalOptions, closeOnSignal, type StopListening } from './api/close-on-signal.ts'
export { acknowledging } from './api/delivery-stream.ts'
export { parseDeadLetter } from './api/export-line.ts'
export { settle } from './api/observe.ts'
export { attachBroker, createBroker } from './create-broker.ts'
export { defineExchange, defineHandler, defineQueue, defineTopic } from './options/define.ts'
export { attempt } from './reader/attempt.ts'
export type { AttachOptions, Broker, BrokerOptions } from './words/broker.ts'
export type { BrokerEvents, DeadLetterReason } from './words/broker-events.ts'
export type { CloseOptions, Logger, Rate, RestartOptions } from './words/common-options.ts'
export type {
  DeadLetter,
  DeadLetterCause,
  DeadLetterError,
  DeadLetterFilter,
  DeadLetterSelection,
  DeadLetterStats,
  DeadLetters,
  DeadLettersOptions,
  ReplayOptions,
  ReplayReport,
} from './words/dead-letter.ts'
export type { Delivery, ManualDelivery } from './words/delivery.ts'
export type { ErrorCode } from './words/error-codes.ts'
export {
  type ErrorOf,
  FullError,
  isMillraceError,
  MillraceError,
  type MillraceErrorOptions,
  PartlyRoutedError,
  RejectError,
  RequestError,
  UnpublishedError,
} from './words/errors.ts'
export type {
  Binding,
  BindTarget,
  Exchange,
  ExchangeDefinition,
  ExchangeInfo,
  ExchangeOptions,
  ExchangeType,
  HeaderMatch,
  RouteOptions,
  RouteReceipt,
} from './words/exchange.ts'
export type { Group, RangeOptions, SeekOptions } from './words/group.ts'
export type {
  BackoffOptions,
  BatchOptions,
  ConsumeOptions,
  DeliveryGuarantee,
  GroupOptions,
  HandleOptions,
  ObserveOptions,
  ResourceLimits,
  RetryOrder,
  RunOptions,
  StreamOptions,
} from './words/group-options.ts'
export type { BatchHandler, Handler, HandlerContext, MessageHandler, RecordsHandler } from './words/handler.ts'
export type { GroupInfo, GroupPartitionStats, GroupStats, QueueInfo, TopicInfo } from './words/listing.ts'
export type {
  BatchReceipt,
  CodecName,
  Durability,
  GivenHeaders,
  Headers,
  Key,
  Message,
  OffsetRange,
  Partitioner,
  PublishOptions,
  Receipt,
  WritableOptions,
} from './words/message.ts'
export type { NamedProducer, SequencedReceipt } from './words/named-producer.ts'
export type { Queue } from './words/queue.ts'
export type { CancelOptions, CancelOutcome } from './words/queue-cancel.ts'
export type { ManualQueueDelivery, NackOptions, QueueDelivery } from './words/queue-delivery.ts'
export type { QueueBatchHandler, QueueHandler, QueueMessageHandler } from './words/queue-handler.ts'
export type { QueueBatchReceipt, QueueMessage, QueueReceipt } from './words/queue-message.ts'
export type {
  QueueConsumeOptions,
  QueueDefinition,
  QueueHandleOptions,
  QueueObserveOptions,
  QueueOptions,
  QueueRunOptions,
} from './words/queue-options.ts'
export type { RequestFailure, RequestOptions } from './words/queue-request.ts'
export type { QueueRun } from './words/queue-run.ts'
export type { QueueStats } from './words/queue-stats.ts'
export type { MessageChange, UpdateOutcome } from './words/queue-update.ts'
export type {
  BrowseFilter,
  DyingMessage,
  MessageAhead,
  MessageCounts,
  QueuedMessage,
  QueueExplanation,
  ReadyMessage,
  RetryingMessage,
  ScheduledMessage,
  UnackedMessage,
} from './words/queued-message.ts'
export type { RecordCursor } from './words/record-cursor.ts'
export type { Run, StopReport } from './words/run.ts'
export type { Schedule, ScheduleOptions, ScheduleStats, TickMessage } from './words/schedule.ts'
export type { PartitionStats, Topic, TopicStats } from './words/topic.ts'
export type { TopicDefinition, TopicOptions } from './words/topic-definition.ts'
