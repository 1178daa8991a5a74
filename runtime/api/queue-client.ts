/** A work queue as callers use it: sending from this thread, its ways to consume, and its counts. The creating thread. */

import type { Observable } from 'rxjs'
import { HandlerMember, type RunMember } from '../delivery/handler-member.ts'
import { asHandler, checkHandling } from '../delivery/load-handler.ts'
import type { SettleableDelivery } from '../delivery/manual-delivery.ts'
import { ManualMember } from '../delivery/manual-member.ts'
import type { Session } from '../embedded/session.ts'
import { joinAlone } from '../embedded/sole-member.ts'
import { checkPublishOptions } from '../options/publish-options.ts'
import {
  type CheckedQueueConsumeOptions,
  type CheckedQueueHandleOptions,
  checkQueueConsumeOptions,
  checkQueueHandleOptions,
  checkQueueObserveOptions,
  checkQueueRunOptions,
} from '../options/queue-options.ts'
import { checkRequestOptions } from '../options/request-options.ts'
import { asEitherMessage, noBatch } from '../publish/checked-message.ts'
import type { SentBatch } from '../publish/pending-batch.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { QueueRunSpec } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { TopicShape } from '../wire/places.ts'
import { QUEUE_GROUP } from '../wire/queue-calls.ts'
import { closedError } from '../words/closed-error.ts'
import { MillraceError } from '../words/errors.ts'
import type { Message, PublishOptions } from '../words/message.ts'
import type { Queue } from '../words/queue.ts'
import type { CancelOptions, CancelOutcome } from '../words/queue-cancel.ts'
import type { ManualQueueDelivery } from '../words/queue-delivery.ts'
import type { QueueBatchHandler, QueueHandler, QueueMessageHandler } from '../words/queue-handler.ts'
import type { QueueBatchReceipt, QueueMessage, QueueReceipt } from '../words/queue-message.ts'
import type {
  QueueConsumeOptions,
  QueueHandleOptions,
  QueueObserveOptions,
  QueueRunOptions,
} from '../words/queue-options.ts'
import type { RequestOptions } from '../words/queue-request.ts'
import type { QueueRun } from '../words/queue-run.ts'
import type { QueueStats } from '../words/queue-stats.ts'
import type { MessageChange, UpdateOutcome } from '../words/queue-update.ts'
import type { BrowseFilter, QueuedMessage, QueueExplanation } from '../words/queued-message.ts'
import { DeliveryIterator, type Join } from './delivery-iterator.ts'
import { handlerThreads, whatToHandle } from './handler-threads.ts'
import { observeDeliveries } from './observe.ts'
import { QueueMessages } from './queue-messages.ts'
import { QueueRunClient } from './queue-run-client.ts'
import { settledNow } from './settled-now.ts'
import { queueStatsOf } from './stats.ts'

export class QueueClient<V, A = unknown> implements Queue<V, A> {
  readonly #session: Session
  readonly #shape: TopicShape
  readonly #producer: TopicProducer
  readonly #deleted: () => void
  readonly #messages: QueueMessages<V>

  /** `deleted` is called when the queue is gone. */
  constructor(session: Session, shape: TopicShape, producer: TopicProducer, deleted: () => void) {
    this.#session = session
    this.#shape = shape
    this.#producer = producer
    this.#deleted = deleted
    this.#messages = new QueueMessages(session, shape)
  }

  get name(): string {
    return this.#shape.name
  }

  send(message: QueueMessage<V>, options?: PublishOptions): Promise<QueueReceipt> {
    if (this.#session.closing) return Promise.reject(closedError())
    try {
      // A call with a name and data gets an error about the message, and not about an option.
      if (options !== undefined) asEitherMessage(message as Message)
      const checked = options === undefined ? undefined : checkPublishOptions(options)
      // The producer of a queue gives receipts of a queue.
      return this.#producer.publish(message as Message, checked) as unknown as Promise<QueueReceipt>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  trySend(message: QueueMessage<V>): boolean {
    if (this.#session.closing) throw closedError()
    return this.#producer.tryPublish(message as Message)
  }

  async sendBatch(messages: readonly QueueMessage<V>[], options?: PublishOptions): Promise<QueueBatchReceipt> {
    if (this.#session.closing) throw closedError()
    const checked = options === undefined ? undefined : checkPublishOptions(options)
    if (!Array.isArray(messages)) throw noBatch('sendBatch', messages)
    // The producer of a queue gives receipts of a queue.
    const receipt = (await this.#producer.publishBatch(messages as readonly Message[], checked)) as SentBatch
    const { count, ids, duplicates, durability } = receipt
    return { count, ids, duplicates, durability }
  }

  request(message: QueueMessage<V>, options?: RequestOptions): Promise<A> {
    if (this.#session.closing) return Promise.reject(closedError())
    try {
      const checked = checkRequestOptions(options)
      const answered = this.#session.publishers.requests.send(this.#producer, message as Message, checked)
      // Somebody waits for it: the process is to live so long.
      return answered.finally(this.#session.hold()) as Promise<A>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  flush(): Promise<void> {
    return this.#producer.flush()
  }

  async run<R = unknown>(options: QueueRunOptions): Promise<QueueRun<R>> {
    const checked = checkQueueRunOptions(options)
    const spec: QueueRunSpec = { ...this.#handling(checked), threads: handlerThreads(checked) }
    this.#checkWanted(checked.signal)
    const release = this.#session.hold()
    try {
      const { run } = await this.#session.ask(control => control.startRun(spec), 'for ever')
      return new QueueRunClient<R>(this.#session, this, run, release, checked.signal)
    } catch (error) {
      release()
      throw error
    }
  }

  async handle<R = unknown>(
    handler: QueueMessageHandler<V> | QueueHandler<V, unknown, R> | QueueBatchHandler<V, unknown, R>,
    options?: QueueHandleOptions,
  ): Promise<QueueRun<R>> {
    const checked = checkQueueHandleOptions(options)
    const made = asHandler(handler, 'the first argument of handle', whatToHandle(handler, 'queue'))
    const { concurrency, delivery, given } = checked
    const terms = { retryOrder: 'none', concurrency, topic: this.#shape } as const
    checkHandling(made, given.has('batch'), delivery === 'at-most-once', terms)
    const spec: QueueRunSpec = { ...this.#handling(checked), threads: null }
    const { thread, publishers } = this.#session
    return this.#join<R>(spec, checked.signal, shape => new HandlerMember(thread, publishers, shape, made, undefined))
  }

  /** Starts a run whose only consumer is this thread. */
  async #join<R>(
    spec: QueueRunSpec,
    signal: AbortSignal | undefined,
    member: (shape: RunShape) => RunMember,
  ): Promise<QueueRunClient<R>> {
    this.#checkWanted(signal)
    try {
      return await joinAlone(
        this.#session,
        spec,
        member,
        (run, release) => new QueueRunClient<R>(this.#session, this, run, release, signal),
      )
    } catch (error) {
      this.#checkWanted(signal)
      throw error
    }
  }

  #checkWanted(signal: AbortSignal | undefined): void {
    this.#session.checkAccepts()
    if (signal?.aborted !== true) return
    throw new MillraceError('MILL_ABORTED', `consuming from queue ${this.name} was aborted`, { cause: signal.reason })
  }

  /** Starts handing deliveries to `emit`, at most `prefetch` of them unsettled. `isRead`: they wait there to be looked at. */
  #deliver(
    { prefetch, ackTimeoutMs, consumerPriority, signal }: Omit<CheckedQueueConsumeOptions, 'until'>,
    emit: (delivery: SettleableDelivery) => void,
    isRead = false,
  ): Promise<QueueRunClient<unknown>> {
    const spec: QueueRunSpec = {
      topic: this.#shape.id,
      handlerTimeoutMs: Number.POSITIVE_INFINITY,
      output: null,
      concurrency: 1,
      batch: null,
      confirms: true,
      atMostOnce: false,
      prefetch,
      consumerPriority,
      threads: null,
    }
    const { thread, events } = this.#session
    const stuck = (waitedMs: number): void =>
      events.emit('windowFull', { topic: this.name, queue: this.name, group: QUEUE_GROUP, window: prefetch, waitedMs })
    return this.#join(
      spec,
      signal,
      () => new ManualMember(thread, prefetch, 'none', emit, isRead ? null : stuck, ackTimeoutMs),
    )
  }

  consume(options?: QueueConsumeOptions): AsyncIterableIterator<ManualQueueDelivery<V>> {
    const checked = checkQueueConsumeOptions(options)
    // The iterator handles the signal: the delivery in its loop is settled first.
    const unsignalled = { ...checked, signal: undefined }
    const join: Join = emit => this.#deliver(unsignalled, emit, true)
    const until = checked.until === undefined ? null : (gone: AbortSignal) => this.#settled(true, gone)
    const left = (deliveries: number): void =>
      this.#session.events.emit('loopLeft', { topic: this.name, queue: this.name, group: QUEUE_GROUP, deliveries })
    const iterator = new DeliveryIterator<V>(join, checked.signal, until, left)
    return iterator as AsyncIterableIterator<unknown> as AsyncIterableIterator<ManualQueueDelivery<V>>
  }

  observe(options?: QueueObserveOptions): Observable<ManualQueueDelivery<V>> {
    const { window, ...checked } = checkQueueObserveOptions(options)
    const observed = observeDeliveries<V>(emit => this.#deliver({ ...checked, prefetch: window }, emit))
    return observed as unknown as Observable<ManualQueueDelivery<V>>
  }

  /** The part of a run's spec that concerns its handlers. */
  #handling(checked: CheckedQueueHandleOptions): Omit<QueueRunSpec, 'threads'> {
    const { handlerTimeoutMs, output, concurrency, batch, given, delivery, prefetch, consumerPriority } = checked
    return {
      topic: this.#shape.id,
      handlerTimeoutMs,
      output: output ?? null,
      concurrency,
      batch: given.has('batch') ? batch : null,
      confirms: output !== undefined,
      atMostOnce: delivery === 'at-most-once',
      prefetch: prefetch ?? null,
      consumerPriority,
    }
  }

  cancel(id: string, options?: CancelOptions): Promise<CancelOutcome> {
    return this.#messages.cancel(id, options)
  }

  update(id: string, change: MessageChange): Promise<UpdateOutcome> {
    return this.#messages.update(id, change)
  }

  explain(id: string): Promise<QueueExplanation> {
    return this.#messages.explain(id)
  }

  browse(filter?: BrowseFilter): AsyncIterableIterator<QueuedMessage<V>> {
    return this.#messages.browse(filter)
  }

  purge(): Promise<number> {
    return this.#messages.purge()
  }

  async stats(): Promise<QueueStats> {
    return queueStatsOf(await this.#session.ask(control => control.queueStats(this.#shape.id)))
  }

  async delete(): Promise<void> {
    const { id } = this.#shape
    await this.#session.ask(control => control.deleteTopic(id), 'for ever')
    // Partition hosts have notified this thread as well; the next send need not wait for that.
    this.#session.publishers.topicGone(id)
    this.#deleted()
  }

  /** Everything sent so far by this thread is in the queue, and everything in the queue is settled. */
  idle(): Promise<void> {
    return this.#settled(false)
  }

  /** The same; `butLater`: without what waits for its time. */
  async #settled(butLater: boolean, left?: AbortSignal): Promise<void> {
    await this.#producer.flush()
    await settledNow(this.#session, { topic: this.#shape.id, group: QUEUE_GROUP, butLater }, left)
  }
}
