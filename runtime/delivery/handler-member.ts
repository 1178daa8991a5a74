/**
 * A member of a group, or of a queue, that runs a handler: its executors, one per assigned partition, or one for its queue.
 *
 * The handling thread (a handler host, or the caller's). The control thread assigns and revokes; everything else goes
 * through shared memory.
 */

import { UserContext } from '../base/user-context.ts'
import type { AnyHandler } from '../options/define.ts'
import { checkSendable } from '../options/sendable.ts'
import type { Publishers } from '../publish/publishers.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import { FetchRoom } from '../reader/fetch-room.ts'
import { PartitionIntake } from '../reader/partition-intake.ts'
import { PartitionReader } from '../reader/partition-reader.ts'
import { QueueReader } from '../reader/queue-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { RevokeAnswer, RunShape } from '../wire/member-calls.ts'
import type { Assignment } from '../wire/places.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import { DeliveryContext } from './delivery-context.ts'
import { Executor } from './executor.ts'
import type { HandlerExecutor } from './handler-executor.ts'
import { LaneExecutor } from './lane-executor.ts'
import { checkHandling } from './load-handler.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { QueueExecutor } from './queue-executor.ts'
import type { Held } from './self-wait.ts'
import { SnapshotBudget } from './snapshot-budget.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'

/** Takes part in a run on behalf of one thread. */
export interface RunMember {
  assign(assignment: Assignment): Promise<void>
  /** Stops after the current delivery; with `stop`, the handler's `stop` is run and its result returned. */
  revoke(cursor: number, epoch: number, stop: boolean): Promise<RevokeAnswer>
  /** Aborts the signal of a queue's message. Resolves when it is let go of, or after so long. */
  cancel?(cursor: number, epoch: number, tag: number, withinMs: number): Promise<void>
  pause(): void
  resume(): void
  /** The delivery of the slot at this address, whose handler is on the stack; null: the slot is none of its own. */
  onStack(slot: number): Held | null
  /** The caller has asked for the end of the run: deliveries that are taken back from now on are not for another member. */
  leaving?(): void
  /** The run has ended, whether or not everything was let go: what is left does no more. */
  abandon(): void
}

/** Of a handler with `batch`, when nothing else was asked for. */
const BATCH = { maxRecords: 100, maxWaitMs: 0 } as const
const ALONE = { maxRecords: 1, maxWaitMs: 0 } as const

interface Running {
  readonly executor: HandlerExecutor
  readonly context: DeliveryContext
}

export class HandlerMember implements RunMember {
  readonly #thread: AttachedThread
  readonly #publishers: Publishers
  readonly #shape: RunShape
  readonly #handler: AnyHandler
  readonly #data: unknown
  readonly #running = new Map<number, Running>()
  /** Whose handler's `start` runs, and for which epoch; who is not here any more was revoked meanwhile. */
  readonly #starting = new Map<number, { readonly epoch: number; readonly context: DeliveryContext }>()
  readonly #turnstile = new OneAtATime()
  readonly #snapshotBudget = new SnapshotBudget()
  /** Whoever makes it has been handed the handler, and the handler is called in that context. */
  readonly #userContext = new UserContext()
  #paused = false
  #abandoned = false

  constructor(thread: AttachedThread, publishers: Publishers, shape: RunShape, handler: AnyHandler, data: unknown) {
    checkHandling(handler, shape.batch !== null, shape.atMostOnce, shape)
    this.#thread = thread
    this.#publishers = publishers
    this.#shape = shape
    this.#handler = handler
    this.#data = data
  }

  /** These partitions, which it is given next, are handled alone at first. */
  careful(cursors: readonly number[]): void {
    this.#turnstile.expect(cursors)
  }

  async assign(assignment: Assignment): Promise<void> {
    const { topic, group, place, cursor, epoch } = assignment
    const queue = topic.queue === undefined ? null : topic.name
    const context = new DeliveryContext(
      topic.name,
      group,
      place.partition,
      this.#data,
      this.#publishers,
      undefined,
      queue,
    )
    const starting = { epoch, context }
    this.#starting.set(cursor, starting)
    let output: TopicProducer | null
    let state: unknown
    try {
      output = this.#shape.output === null ? null : await this.#publishers.open(this.#shape.output)
      state = await this.#begin(assignment, context)
      if (this.#abandoned) throw new MillraceError('MILL_CLOSED', 'the run has stopped')
    } catch (error) {
      // Of a partition that is wanted no more, nobody asks how its start went.
      if (!this.#isStarted(cursor, starting)) return
      throw error
    }
    if (!this.#isStarted(cursor, starting)) {
      // What this partition made is let go in good order, and what that says comes too late.
      await Promise.resolve(this.#call(this.#handler.stop, state, context)).catch(() => undefined)
      return
    }
    const executor =
      assignment.consumer === undefined
        ? this.#executor(this.#reader(assignment), context, output, state)
        : this.#queueExecutor(new QueueReader(this.#thread, assignment), context, output, state)
    if (this.#paused) executor.pause()
    this.#running.set(cursor, { executor, context })
    this.#thread.addTaker(cursor, executor)
  }

  #reader(assignment: Assignment): PartitionReader {
    // A cursor hands out copies only, and is over when its call is.
    const room = this.#handler.records === undefined ? null : new FetchRoom()
    return new PartitionReader(this.#thread, assignment, room)
  }

  /** The partition's state. @throws MillraceError MILL_HANDLER, with what the handler threw as its cause */
  async #begin({ topic, group, place, snapshot, consumer }: Assignment, context: DeliveryContext): Promise<unknown> {
    const { restore } = this.#handler
    const restores = snapshot !== null && restore !== undefined
    try {
      const state = restores
        ? await this.#call(restore, JSON.parse(snapshot.text), context)
        : await this.#call(this.#handler.start, context)
      await context.settled()
      return state
    } catch (cause) {
      const what = restores ? 'restore' : 'start'
      const whose = consumer === undefined ? `group ${group}, topic ${topic.name},` : `queue ${topic.name}`
      const where = consumer === undefined ? ` for partition ${place.partition}` : ''
      throw new MillraceError(
        'MILL_HANDLER',
        `\`${what}\` of the handler of ${whose} failed${where}: ${toWire(cause).message}`,
        { cause },
      )
    }
  }

  onStack(slot: number): Held | null {
    for (const { executor } of this.#running.values()) {
      if (executor.slot === slot) return executor.calling
    }
    return null
  }

  /** The plain case has an executor of its own: no record costs more for what others ask for. */
  #executor(
    reader: PartitionReader,
    context: DeliveryContext,
    output: TopicProducer | null,
    state: unknown,
  ): HandlerExecutor {
    const { handlerTimeoutMs, atMostOnce, retryOrder, concurrency, batch } = this.#shape
    const userContext = this.#userContext
    const thread = this.#thread
    const setting = { thread, context, userContext, handlerTimeoutMs, output, turnstile: this.#turnstile }
    const handler = this.#handler
    if (handler.batch === undefined && (atMostOnce || (retryOrder === 'partition' && concurrency === 1))) {
      const { snapshot } = handler
      const keeper =
        snapshot === undefined
          ? {}
          : {
              keeper: new SnapshotKeeper(thread, reader, this.#snapshotBudget, () =>
                userContext.call(snapshot, handler, state),
              ),
            }
      return new Executor({ ...setting, ...keeper, reader, handler, atMostOnce }, state)
    }
    const batches = handler.batch === undefined ? ALONE : (batch ?? BATCH)
    // One call at a time, with everything behind a failure held: then the order of offsets is that of keys, too.
    const looksAtKeys = retryOrder !== 'partition' || concurrency > 1
    const intake = new PartitionIntake(thread, reader, looksAtKeys)
    return new LaneExecutor({ ...setting, intake, handler, retryOrder, concurrency, batch: batches }, state)
  }

  #queueExecutor(
    reader: QueueReader,
    context: DeliveryContext,
    output: TopicProducer | null,
    state: unknown,
  ): HandlerExecutor {
    const { handlerTimeoutMs, atMostOnce, concurrency, batch, prefetch } = this.#shape
    const handler = this.#handler
    const setting = { thread: this.#thread, context, userContext: this.#userContext, handlerTimeoutMs, output, reader }
    const batches = handler.batch === undefined ? ALONE : (batch ?? BATCH)
    return new QueueExecutor({ ...setting, handler, atMostOnce, concurrency, batch: batches, prefetch }, state)
  }

  /** Calls a function of the handler in its context, if it has that. */
  #call<Args extends unknown[], Result>(
    act: ((...args: Args) => Result) | undefined,
    ...args: Args
  ): Result | undefined {
    return act === undefined ? undefined : this.#userContext.call(act, this.#handler, ...args)
  }

  /** Its `start` is over; whether the partition is still to be taken up. */
  #isStarted(cursor: number, starting: object): boolean {
    if (this.#starting.get(cursor) !== starting) return false
    this.#starting.delete(cursor)
    return true
  }

  async revoke(cursor: number, epoch: number, stop: boolean): Promise<RevokeAnswer> {
    const starting = this.#starting.get(cursor)
    if (starting?.epoch === epoch) {
      this.#starting.delete(cursor)
      starting.context.abort()
      this.#pass(cursor)
      return { held: true }
    }
    const running = this.#running.get(cursor)
    if (running === undefined || running.executor.epoch !== epoch) {
      this.#pass(cursor)
      return { held: false }
    }
    const { executor, context } = running
    context.abort()
    await executor.close()
    this.#running.delete(cursor)
    this.#thread.removeTaker(cursor, executor)
    if (!stop || this.#handler.stop === undefined) return { held: true }
    this.#thread.phase('stopping')
    const result = await this.#call(this.#handler.stop, executor.userState, context)
    await context.settled()
    checkSendable(result, 'what it returned')
    return result === undefined ? { held: true } : { held: true, result }
  }

  async cancel(cursor: number, epoch: number, tag: number, withinMs: number): Promise<void> {
    const executor = this.#running.get(cursor)?.executor
    if (executor?.epoch === epoch) await executor.cancel?.(tag, withinMs)
  }

  /** It is not to come any more: others need not wait for it. */
  #pass(cursor: number): void {
    if (this.#turnstile.leave(cursor)) this.#thread.wake(null)
  }

  abandon(): void {
    this.#abandoned = true
    for (const { context } of this.#starting.values()) context.abort()
    for (const [cursor, { executor, context }] of this.#running) {
      context.abort()
      executor.abandon()
      this.#thread.removeTaker(cursor, executor)
    }
    this.#running.clear()
  }

  pause(): void {
    this.#paused = true
    for (const { executor } of this.#running.values()) executor.pause()
  }

  resume(): void {
    this.#paused = false
    for (const { executor } of this.#running.values()) executor.resume()
  }
}
