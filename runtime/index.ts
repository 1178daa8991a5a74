/** The door of millrace: partitioned streams, consumer groups, retries and dead letters on all cores of one process. */
export { type CloseOnSignalOptions, closeOnSignal, type StopListening } from './close-on-signal.ts'
export { createBroker } from './create-broker.ts'
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
} from './dead-letters/dead-letter-types.ts'
export { parseDeadLetter } from './dead-letters/export-line.ts'
export { defineHandler, defineTopic } from './define.ts'
export { attempt } from './delivery/attempt.ts'
export { acknowledging } from './delivery/delivery-stream.ts'
export { settle } from './delivery/observe.ts'
export {
  type ErrorCode,
  type ErrorOf,
  FullError,
  isMillraceError,
  MillraceError,
  RejectError,
  UnpublishedError,
} from './errors.ts'
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
} from './group-option-types.ts'
export type { NamedProducer, SequencedReceipt } from './publish/named-producer-types.ts'
export type {
  BatchHandler,
  BatchReceipt,
  Broker,
  BrokerEvents,
  BrokerOptions,
  CloseOptions,
  CodecName,
  DeadLetterReason,
  Delivery,
  Durability,
  GivenHeaders,
  Group,
  GroupInfo,
  GroupPartitionStats,
  GroupStats,
  Handler,
  HandlerContext,
  Headers,
  Key,
  Logger,
  ManualDelivery,
  Message,
  MessageHandler,
  OffsetRange,
  Partitioner,
  PartitionStats,
  PublishOptions,
  RangeOptions,
  Receipt,
  RestartOptions,
  Run,
  SeekOptions,
  StopReport,
  Topic,
  TopicDefinition,
  TopicInfo,
  TopicOptions,
  TopicStats,
  WritableOptions,
} from './types.ts'
