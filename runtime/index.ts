/** The door of millrace: partitioned streams, consumer groups, retries and dead letters on all cores of one process. */
export { createBroker } from './broker.ts'
export { type CloseOnSignalOptions, closeOnSignal, type StopListening } from './close-on-signal.ts'
export type {
  DeadLetter,
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
export { type ErrorCode, FullError, isMillraceError, MillraceError, RejectError, UnpublishedError } from './errors.ts'
export type { NamedProducer, SequencedReceipt } from './publish/named-producer-types.ts'
export type {
  BackoffOptions,
  BatchHandler,
  BatchOptions,
  BatchReceipt,
  Broker,
  BrokerEvents,
  BrokerOptions,
  CloseOptions,
  CodecName,
  ConsumeOptions,
  DeadLetterReason,
  Delivery,
  DeliveryGuarantee,
  Durability,
  Group,
  GroupOptions,
  GroupPartitionStats,
  GroupStats,
  HandleOptions,
  Handler,
  HandlerContext,
  Headers,
  Key,
  Logger,
  ManualDelivery,
  Message,
  MessageHandler,
  ObserveOptions,
  OffsetRange,
  PartitionStats,
  PublishOptions,
  RangeOptions,
  Receipt,
  ResourceLimits,
  RestartOptions,
  RetryOrder,
  Run,
  RunOptions,
  SeekOptions,
  StopReport,
  StreamOptions,
  Topic,
  TopicDefinition,
  TopicOptions,
  TopicStats,
  WritableOptions,
} from './types.ts'
