/**
 * A topic of the embedded engine behind the port: batches of encoded records go through this thread's producer of it.
 *
 * The thread that opened the engine. Each record is published by itself, for the port wants a position of each; the public API
 * has batches without that, which cost less.
 */
import type { GroupPort, TopicPort, TopicSettings } from '../engine/engine.ts'
import type { EncodedHeaders, EncodedRecord, Position } from '../engine/records.ts'
import { checkRecord } from '../publish/record-writer.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { TopicShape } from '../wire/places.ts'
import { closedError } from '../words/closed-error.ts'
import { isMillraceError, MillraceError, UnpublishedError } from '../words/errors.ts'
import type { Headers, Message, Receipt } from '../words/message.ts'
import { checkName } from '../words/names.ts'
import { EmbeddedGroupPort } from './embedded-group-port.ts'
import type { Session } from './session.ts'

export class EmbeddedTopicPort implements TopicPort {
  readonly #session: Session
  readonly #shape: TopicShape
  readonly #producer: TopicProducer

  constructor(session: Session, shape: TopicShape, producer: TopicProducer) {
    this.#session = session
    this.#shape = shape
    this.#producer = producer
  }

  get name(): string {
    return this.#shape.name
  }

  async publish(batch: readonly EncodedRecord[], signal?: AbortSignal): Promise<readonly Position[]> {
    if (this.#session.closing) throw closedError()
    if (signal?.aborted === true)
      throw new MillraceError('MILL_ABORTED', 'the publish was aborted before it began', { cause: signal.reason })
    const { maxMessageBytes, partitions } = this.#producer.topic
    const messages = batch.map(messageOf)
    for (const { key, value, headers, partition } of messages) {
      checkRecord(key, value, headers ?? null, maxMessageBytes)
      if (partition !== undefined && partition >= partitions)
        throw new MillraceError(
          'MILL_OUT_OF_RANGE',
          `partition ${partition} of topic ${this.name} is not in 0 to ${partitions - 1}`,
        )
    }
    const options = signal === undefined ? undefined : { signal }
    const answers = await Promise.allSettled(messages.map(message => this.#producer.publish(message, options)))
    const failures = answers.filter(answer => answer.status === 'rejected')
    if (failures.length === 0) return answers.map(answer => (answer as PromiseFulfilledResult<Receipt>).value.position)
    throw failureOf(this.name, batch, answers)
  }

  flush(): Promise<void> {
    return this.#producer.flush()
  }

  group(name: string, from: 'earliest' | 'latest'): GroupPort {
    return new EmbeddedGroupPort(this.#session, this.#shape, checkName('group', name), from)
  }

  async groups(): Promise<readonly string[]> {
    const groups = await this.#session.ask(control => control.listGroups(this.#shape.id))
    return groups.map(({ name }) => name)
  }

  async stats(): Promise<TopicSettings> {
    const { durability, maxMessageBytes, log } = this.#shape
    return {
      partitions: this.#producer.topic.partitions,
      durability,
      messageBytesMax: maxMessageBytes,
      retentionMs: bounded(log?.retentionMs),
      retentionBytes: bounded(log?.retentionBytes),
    }
  }

  async delete(): Promise<void> {
    await this.#session.ask(control => control.deleteTopic(this.#shape.id), 'for ever')
    this.#session.publishers.topicGone(this.#shape.id)
  }
}

function bounded(limit: number | undefined): number | null {
  return limit === undefined || limit === Number.POSITIVE_INFINITY ? null : limit
}

interface EncodedForPublish extends Message<Uint8Array | null> {
  readonly key: Uint8Array | null
  readonly headers?: Headers
}

function messageOf({ key, value, headers, timestampMs, partition }: EncodedRecord): EncodedForPublish {
  return {
    key,
    value,
    timestamp: timestampMs,
    ...(partition === null ? {} : { partition }),
    ...(headers.length === 0 ? {} : { headers: headersOf(headers) }),
  }
}

function headersOf(headers: EncodedHeaders): Headers {
  const named: Record<string, Uint8Array> = Object.create(null)
  for (const [name, value] of headers) named[name] = value
  return named
}

/** Why a batch failed: the one error that ended all of it, else what was not appended and what may have been. */
function failureOf(
  topic: string,
  batch: readonly EncodedRecord[],
  answers: readonly PromiseSettledResult<unknown>[],
): Error {
  const reasons = answers.map(answer => (answer.status === 'rejected' ? (answer.reason as Error) : null))
  const cause = reasons.find(reason => reason !== null) as Error
  if (reasons.every(reason => reason === cause)) return cause
  const isRefused = (_: EncodedRecord, index: number): boolean => isMillraceError(reasons[index], 'MILL_FULL')
  const failed = batch.filter((_, index) => reasons[index] !== null)
  return new UnpublishedError(
    `${failed.length} of ${batch.length} records were not published to topic ${topic}: ${cause.message}`,
    batch.filter(isRefused),
    batch.filter((each, index) => reasons[index] !== null && !isRefused(each, index)),
    cause,
  )
}
