/** A consumer group as callers use it: its ways to consume, and its counts. The creating thread. */

import type { Readable } from 'node:stream'
import type { Observable } from 'rxjs'
import { HandlerMember, type RunMember } from '../delivery/handler-member.ts'
import { asHandler, checkHandling } from '../delivery/load-handler.ts'
import type { SettleableDelivery } from '../delivery/manual-delivery.ts'
import { ManualMember } from '../delivery/manual-member.ts'
import type { Session } from '../embedded/session.ts'
import { joinAlone } from '../embedded/sole-member.ts'
import {
  type CheckedConsumeOptions,
  type CheckedHandleOptions,
  checkConsumeOptions,
  checkHandleOptions,
  checkObserveOptions,
  checkRunOptions,
  checkStreamOptions,
} from '../options/group-options.ts'
import { checkSeekOptions } from '../options/range-options.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { GroupSpec, RunSpec } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { TopicShape } from '../wire/places.ts'
import { totalOf } from '../words/counters.ts'
import type { ManualDelivery } from '../words/delivery.ts'
import { MillraceError } from '../words/errors.ts'
import type { Group, SeekOptions } from '../words/group.ts'
import type {
  ConsumeOptions,
  HandleOptions,
  ObserveOptions,
  RunOptions,
  StreamOptions,
} from '../words/group-options.ts'
import type { BatchHandler, Handler, MessageHandler, RecordsHandler } from '../words/handler.ts'
import type { GroupStats } from '../words/listing.ts'
import type { Run } from '../words/run.ts'
import { DeliveryIterator, type Join, TURNS_MAX } from './delivery-iterator.ts'
import { deliveryStream } from './delivery-stream.ts'
import { handlerThreads, whatToHandle } from './handler-threads.ts'
import { observeDeliveries } from './observe.ts'
import { RunClient } from './run-client.ts'
import { settledNow } from './settled-now.ts'
import { startPosition } from './start-position.ts'
import { groupStatsOf } from './stats.ts'

export class GroupClient<V> implements Group<V> {
  readonly name: string
  readonly #session: Session
  readonly #topic: TopicShape
  readonly #producer: TopicProducer
  readonly #deleted: () => void

  /** `deleted` is called when the group is gone. */
  constructor(session: Session, topic: TopicShape, name: string, producer: TopicProducer, deleted: () => void) {
    this.#session = session
    this.#topic = topic
    this.name = name
    this.#producer = producer
    this.#deleted = deleted
  }

  get topic(): string {
    return this.#topic.name
  }

  async run<R = unknown>(options: RunOptions): Promise<Run<R>> {
    const checked = checkRunOptions(options)
    const spec: RunSpec = {
      ...this.#spec(checked),
      ...handling(checked),
      threads: handlerThreads(checked),
    }
    this.#checkWanted(checked.signal)
    const release = this.#session.hold()
    try {
      const { run } = await this.#session.ask(control => control.startRun(spec), 'for ever')
      return new RunClient<R>(this.#session, this, run, release, checked.signal)
    } catch (error) {
      release()
      throw error
    }
  }

  async handle<R = unknown>(
    handler: MessageHandler<V> | Handler<V, unknown, R> | BatchHandler<V, unknown, R> | RecordsHandler<V, unknown, R>,
    options?: HandleOptions,
  ): Promise<Run<R>> {
    const checked = checkHandleOptions(options)
    const made = asHandler(handler, 'the first argument of handle', whatToHandle(handler, 'group'))
    checkHandling(made, checked.given.has('batch'), checked.delivery === 'at-most-once', checked)
    const spec: RunSpec = {
      ...this.#spec(checked),
      ...handling(checked),
      ...(made.snapshot === undefined ? {} : { confirms: true }),
      threads: null,
    }
    const { thread, publishers } = this.#session
    return this.#join<R>(spec, checked.signal, shape => new HandlerMember(thread, publishers, shape, made, undefined))
  }

  /** Starts a run whose only member is this thread. */
  async #join<R>(
    spec: RunSpec,
    signal: AbortSignal | undefined,
    member: (shape: RunShape) => RunMember,
  ): Promise<RunClient<R>> {
    this.#checkWanted(signal)
    try {
      return await joinAlone(
        this.#session,
        spec,
        member,
        (run, release) => new RunClient<R>(this.#session, this, run, release, signal),
      )
    } catch (error) {
      this.#checkWanted(signal)
      throw error
    }
  }

  #checkWanted(signal: AbortSignal | undefined): void {
    this.#session.checkAccepts()
    if (signal?.aborted !== true) return
    throw new MillraceError('MILL_ABORTED', `joining group ${this.name} was aborted`, { cause: signal.reason })
  }

  /** Starts handing deliveries to `emit`, at most `window` of them unsettled. `isRead`: they wait there to be looked at. */
  #deliver(
    options: Omit<CheckedConsumeOptions, 'until'>,
    window: number,
    emit: (delivery: SettleableDelivery) => void,
    isRead = false,
  ): Promise<RunClient<unknown>> {
    const spec: RunSpec = {
      ...this.#spec(options),
      handlerTimeoutMs: Number.POSITIVE_INFINITY,
      output: null,
      concurrency: 1,
      batch: null,
      confirms: true,
      threads: null,
    }
    const stuck = (waitedMs: number): void => {
      this.#session.events.emit('windowFull', { topic: this.topic, group: this.name, window, waitedMs })
    }
    return this.#join(
      spec,
      options.signal,
      shape => new ManualMember(this.#session.thread, window, shape.retryOrder, emit, isRead ? null : stuck),
    )
  }

  consume(options?: ConsumeOptions): AsyncIterableIterator<ManualDelivery<V>> {
    const checked = checkConsumeOptions(options)
    // The iterator handles the signal: the delivery in its loop is settled first.
    const unsignalled = { ...checked, signal: undefined }
    const join: Join = emit => this.#deliver(unsignalled, TURNS_MAX, emit, true)
    const until = checked.until === undefined ? null : (gone: AbortSignal) => this.#settled(gone)
    return new DeliveryIterator<V>(join, checked.signal, until, deliveries =>
      this.#session.events.emit('loopLeft', { topic: this.topic, group: this.name, deliveries }),
    )
  }

  observe(options?: ObserveOptions): Observable<ManualDelivery<V>> {
    const checked = checkObserveOptions(options)
    return observeDeliveries<V>(emit => this.#deliver(checked, checked.window, emit))
  }

  stream(options?: StreamOptions): Readable {
    const checked = checkStreamOptions(options)
    const { highWaterMark, signal, until } = checked
    // The stream handles the signal: deliveries that it has handed on are settled first.
    const unsignalled = { ...checked, signal: undefined }
    const join: Join = emit => this.#deliver(unsignalled, highWaterMark, emit)
    return deliveryStream(join, highWaterMark, signal, until === undefined ? null : left => this.#settled(left))
  }

  #spec(
    options: Omit<CheckedConsumeOptions, 'signal' | 'until'> & Partial<Pick<CheckedHandleOptions, 'delivery'>>,
  ): GroupSpec {
    const { attempts, backoff, deadLetter, delivery, from, given, retryOrder } = options
    return {
      topic: this.#topic.id,
      group: this.name,
      policy: {
        attempts,
        ...backoff,
        hasDeadLetters: deadLetter !== false,
        atMostOnce: delivery === 'at-most-once',
        order: retryOrder,
      },
      deadLetter: deadLetter === false ? null : (deadLetter ?? `${this.#topic.name}.${this.name}.dlq`),
      from,
      // consume and observe cannot join an at-most-once group.
      given: delivery === undefined ? [...given, 'delivery'] : [...given],
    }
  }

  async stats(): Promise<GroupStats> {
    return groupStatsOf(await this.#session.ask(control => control.groupStats(this.#topic.id, this.name, true)))
  }

  async lag(): Promise<number> {
    const { reports } = await this.#session.ask(control => control.groupStats(this.#topic.id, this.name, false))
    return totalOf(['lag'], reports).lag
  }

  async seek(to: 'earliest' | 'latest' | number | Date, options?: SeekOptions): Promise<void> {
    const { partition } = checkSeekOptions(options)
    const place = startPosition(to, partition, this.#producer.topic, true)
    await this.#session.ask(control => control.seekGroup(this.#topic.id, this.name, partition ?? null, place))
  }

  async delete(): Promise<void> {
    await this.#session.ask(control => control.deleteGroup(this.#topic.id, this.name))
    this.#deleted()
  }

  /** Everything published so far by this thread is appended, and everything appended is settled. */
  idle(): Promise<void> {
    return this.#settled()
  }

  async #settled(left?: AbortSignal): Promise<void> {
    await this.#producer.flush()
    await settledNow(this.#session, { topic: this.#topic.id, group: this.name, butLater: false }, left)
  }
}

/** The options of a run that concern its handlers. */
function handling(
  options: CheckedHandleOptions,
): Pick<RunSpec, 'handlerTimeoutMs' | 'output' | 'concurrency' | 'batch' | 'confirms'> {
  const { handlerTimeoutMs, output, concurrency, batch, given } = options
  return {
    handlerTimeoutMs,
    output: output ?? null,
    concurrency,
    batch: given.has('batch') ? batch : null,
    confirms: output !== undefined,
  }
}
