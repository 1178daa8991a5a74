/**
 * A thread's connection to a broker: the control thread, the shared memory, and the members of this thread.
 *
 * The thread that called createBroker or attachBroker. It wires and holds no data path: records go through `thread` and `publishers`.
 * Open runs, subscriptions and unsettled publishes keep the process alive (`hold`); nothing else here does.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { CallError, type Calls, serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { allocateMemory, nowMs } from '../../actors/world.ts'
import type { RunMember } from '../delivery/handler-member.ts'
import { mayWait, slotOnStack } from '../delivery/self-wait.ts'
import { Events } from '../events/events.ts'
import type { Lock } from '../log/disk/directory-lock.ts'
import { lockDirectory } from '../log/disk/world-disk.ts'
import { JOURNAL_BYTES } from '../log/store/journal.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { CheckedBrokerOptions } from '../options/broker-options.ts'
import { SequencedProducer } from '../publish/named-producer.ts'
import { Publishers } from '../publish/publishers.ts'
import { AttachedThread } from '../thread/attached-thread.ts'
import { runReportsOf } from '../thread/run-reports.ts'
import type { BrokerNotice, ControlBoot, KeptSchedule, OwnerControlApi } from '../wire/control-calls.ts'
import type { FileModes } from '../wire/folder.ts'
import { MEMORY_TUNING, type MemoryTuning } from '../wire/memory-tuning.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { closedError } from '../words/closed-error.ts'
import { fromWire, MillraceError, toWire } from '../words/errors.ts'
import type { NamedProducer } from '../words/named-producer.ts'
import { attach } from './attach.ts'
import type { Connection } from './connection.ts'
import { LaunchedControl } from './control-launch.ts'
import { startControl } from './control-worker.ts'
import { memberCalls } from './member-calls.ts'
import { OpenRuns } from './open-runs.ts'
import { withinTime } from './within-time.ts'

/** Longest wait for a control call that waits for nothing but the control thread. */
const CALL_MS = 30_000
/** The control thread ends by itself what is late; should it not, it is ended. */
const CLOSE_GRACE_MS = 5_000
/** A closing broker keeps a quarter of its time, but no more than this, for handlers, groups and the disk. */
const REST_MS_MAX = 2_000
/** Longest wait for the control thread to say what holds records that were not appended. */
const HOLD_MS = 1_000
const FOR_EVER_MS = 2 ** 31 - 1
/** A queue gives its disk back by the segment. */
const QUEUE_SEGMENT_BYTES = 16_777_216

/** Sizes that tests reduce. */
export interface StoreTuning {
  readonly journalBytes?: number
  /** Of queues on disk. */
  readonly queueSegmentBytes?: number
  readonly settledCompactBytes?: number
  readonly queueScanBytes?: number
  /** Sizes of windows at rest. */
  readonly memory?: MemoryTuning
}

export class Session {
  readonly memory: Memory
  readonly events: Events
  readonly thread: AttachedThread
  readonly publishers: Publishers
  /** Members of this thread, by run; the control thread assigns to them. */
  readonly members: Map<number, RunMember> = new Map()
  readonly runs: OpenRuns = new OpenRuns()
  readonly #connection: Connection
  /** Lock of the folder; null: nothing is on disk. */
  readonly #lock: Lock | null
  /** Those that the folder had when it was opened. */
  readonly schedules: readonly KeptSchedule[]
  /** Number of schedules now. */
  scheduled: () => number = () => 0
  /** Closed with the broker, once all is appended. */
  readonly named: Set<{ close(): Promise<void> }> = new Set()
  #holds = 0
  #failure: MillraceError | null = null
  #closing = false
  /** The end of `close`, once it was called. */
  #ending: Promise<void> | null = null
  #closed = false

  private constructor(connection: Connection, events: Events, lock: Lock | null) {
    const { memory, place, schedules } = connection
    this.schedules = schedules
    this.memory = memory
    this.events = events
    this.#connection = connection
    this.#lock = lock
    this.thread = new AttachedThread(memory, place)
    this.thread.reports = runReportsOf(this.calls(CALL_MS))
    this.publishers = new Publishers(this.thread, this.calls(CALL_MS), {
      stalled: (topic, partition, waitedMs) => void this.#stalled(topic, partition, waitedMs).catch(() => undefined),
      publishFailed: (topic, partition, count, error) =>
        events.emit('publishFailed', { topic, partition, count, error }),
    })
  }

  /** `launched`: a control thread that has been started already. */
  static async open(
    options: CheckedBrokerOptions,
    tuning: StoreTuning = {},
    launched: LaunchedControl = new LaunchedControl(options.partitionThreads),
  ): Promise<Session> {
    setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
    const modes: FileModes = { folder: options.dirMode, file: options.fileMode }
    let memory: Memory
    let lock: Lock | null
    try {
      memory = allocate(options.memoryMaxBytes)
      lock = options.dir === undefined ? null : await lockFolder(options.dir, modes)
    } catch (error) {
      await launched.abandon()
      throw error
    }
    const events = new Events(options.logger)
    const boot: ControlBoot = {
      memory: memory.handle,
      partitionThreads: options.partitionThreads,
      restart: options.restart,
      deadLetterDepth: options.deadLetterDepth,
      dir: options.dir ?? null,
      modes,
      held: lock?.folder ?? null,
      journalBytes: tuning.journalBytes ?? JOURNAL_BYTES,
      queueSegmentBytes: tuning.queueSegmentBytes ?? QUEUE_SEGMENT_BYTES,
      settledCompactBytes: tuning.settledCompactBytes,
      queueScanBytes: tuning.queueScanBytes,
      tuning: tuning.memory ?? MEMORY_TUNING,
    }
    const control = await startControl(launched, boot, memory).catch((error: unknown) => {
      lock?.release()
      throw error
    })
    return Session.#over(control, events, lock)
  }

  /** A broker that another thread of this process has opened. @throws MillraceError as `attach` */
  static async attach(ticket: unknown, events: Events): Promise<Session> {
    return Session.#over(await attach(ticket), events, null)
  }

  static #over(connection: Connection, events: Events, lock: Lock | null): Session {
    const opened = new Session(connection, events, lock)
    connection.hear(notice => opened.#noticed(notice))
    serve(connection.members, memberCalls(opened.members), { ref: false })
    void connection.lost.then(error => {
      // A broker that told of its end has not failed.
      if (!opened.#closed) opened.#fail(opened.isAttached && opened.#closing ? closedError() : error)
    })
    return opened
  }

  /** Whether another thread has opened the broker. */
  get isAttached(): boolean {
    return this.#connection.isAttached
  }

  get ticket(): string {
    return this.#connection.ticket
  }

  #noticed(notice: BrokerNotice): void {
    switch (notice.kind) {
      case 'event':
        this.events.emit(notice.event, notice.payload as BrokerEvents[typeof notice.event] as never)
        break
      case 'runFailed':
        this.runs.failed(notice.run, fromWire(notice.error))
        break
      case 'diskFailed':
        this.events.emit('failed', { topic: null, group: null, error: fromWire(notice.error) })
        break
      case 'brokerFailed':
        this.#fail(fromWire(notice.error) as MillraceError)
        break
      case 'grown':
        this.publishers.grown(notice.topics)
        break
      case 'closing':
        // Its problems are those of whoever closes here as well. No memory of a broker that closes is given to another.
        this.close(notice.timeoutMs).catch(() => this.#connection.end(true))
        break
      case 'ready':
      case 'attached':
        break
    }
  }

  async #stalled(topic: number, partition: number, waitedMs: number): Promise<void> {
    const { text: _, ...held } = await this.ask(control => control.describeHold(topic, partition))
    this.events.emit('stalled', { ...held, partition, waitedMs })
  }

  /** The control calls, with MILL_THREAD_LOST and MILL_CLOSED where the port has only its own words. */
  calls(deadlineMs: number = CALL_MS): Calls<OwnerControlApi> {
    const calls = this.#connection.remote.withDeadline(deadlineMs)
    return new Proxy(calls, {
      get: (target, name, receiver) => {
        const call: unknown = Reflect.get(target, name, receiver)
        if (typeof call !== 'function') return call
        return (...args: unknown[]) =>
          (Reflect.apply(call, target, args) as Promise<unknown>).catch((error: unknown) => this.#translate(error))
      },
    })
  }

  #translate(error: unknown): never {
    if (!(error instanceof CallError)) throw error
    if (this.#failure !== null) throw this.#failure
    if (this.#closed) throw closedError()
    if (error.failure.kind === 'full')
      throw new MillraceError(
        'MILL_FULL',
        `${error.failure.pendingMax} calls wait for the control thread already, and nothing was done: await some of them first`,
        { cause: error, retriable: true },
      )
    const code = error.failure.kind === 'deadline' ? 'MILL_TIMEOUT' : 'MILL_THREAD_LOST'
    throw new MillraceError(code, `the control thread did not answer: ${error.message}`, { cause: error })
  }

  /** Asks the control thread; waits as long as `waits` says it may take. */
  ask<T>(
    method: (control: Calls<OwnerControlApi>) => Promise<T>,
    waits: 'briefly' | 'for ever' = 'briefly',
  ): Promise<T> {
    this.checkOpen()
    return method(this.calls(waits === 'briefly' ? CALL_MS : FOR_EVER_MS))
  }

  async openProducer<V>(name: string, topicName: string): Promise<NamedProducer<V>> {
    const { id: thread } = this.thread
    const places = await this.ask(control => control.openProducer(thread, topicName, name))
    const { id } = places.topic
    const producer = this.publishers.named(places)
    const named = new SequencedProducer<V>(name, producer, places.state, places.passed, {
      keep: state => this.calls().keepProducer(id, name, state),
      close: async state => {
        this.publishers.forget(producer)
        this.named.delete(named)
        await this.calls().closeProducer(id, name, state)
      },
    })
    this.named.add(named)
    return named
  }

  checkOpen(): void {
    if (this.#failure !== null) throw this.#failure
    if (this.#closed) throw closedError()
  }

  /** From the call of `close` on nothing new is accepted; work under way continues. */
  get closing(): boolean {
    return this.#closing
  }

  checkAccepts(): void {
    this.checkOpen()
    if (this.#closing) throw closedError()
  }

  get closed(): boolean {
    return this.#closed || this.#failure !== null
  }

  /** Keeps the process alive until the result is called. */
  hold(): () => void {
    if (this.#holds++ === 0) this.#connection.ref()
    let held = true
    return () => {
      if (!held) return
      held = false
      if (--this.#holds === 0) this.#connection.unref()
    }
  }

  /**
   * The answer to a caller that waits for `done`, which waits for handlers. It is `instead` for a handler (of this run;
   * null: of any) that would wait for itself.
   */
  unlessInside<T>(run: number | null, done: Promise<T>, instead: () => T): Promise<T> {
    const slot = slotOnStack(this.thread)
    if (slot === 0) return done
    const members = run === null ? [...this.members.values()] : [this.members.get(run)]
    const held = members.map(member => member?.onStack(slot) ?? null).find(found => found !== null)
    return held == null ? done : mayWait(held).then(waits => (waits ? instead() : done))
  }

  #fail(error: MillraceError): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.publishers.fail(error)
    this.runs.allFailed(error)
    this.thread.close()
    if (error.code !== 'MILL_CLOSED') this.events.emit('failed', { topic: null, group: null, error })
    this.events.close()
    void this.#connection.end(false).then(() => this.#lock?.release())
  }

  /** Closes the broker; an attached thread lets go of it. Later calls get the same answer. */
  close(timeoutMs: number): Promise<void> {
    if (!this.closed) this.#ending ??= this.#end(timeoutMs)
    return this.#ending ?? Promise.resolve()
  }

  async #end(timeoutMs: number): Promise<void> {
    this.#closing = true
    const release = this.hold()
    const until = nowMs() + timeoutMs
    const problems: string[] = []
    try {
      await this.#flushUntil(until - Math.min(REST_MS_MAX, timeoutMs / 4)).catch((error: Error) =>
        problems.push(error.message),
      )
      const named = Promise.all([...this.named].map(one => one.close()))
      await withinTime(named, until, () => 'producers were not closed in time').catch((error: Error) =>
        problems.push(error.message),
      )
      this.checkOpen()
      const left = Math.max(1, until - nowMs())
      for (const member of this.members.values()) member.leaving?.()
      await this.calls(left + CLOSE_GRACE_MS)
        .close(left)
        .catch((error: Error) => problems.push(error.message))
    } finally {
      this.#closed = true
      this.publishers.fail(closedError())
      this.runs.allClosed()
      this.thread.close()
      await this.#connection.end(problems.length === 0)
      this.#lock?.release()
      this.events.close()
      release()
    }
    if (problems.length > 0) throw new MillraceError('MILL_TIMEOUT', problems.join('; '))
  }

  #flushUntil(until: number): Promise<unknown> {
    return withinTime(this.publishers.flush(), until, async () => {
      const all = this.publishers.unanswered()
      return `records were not all appended in time: ${await withinTime(all, nowMs() + HOLD_MS, () => 'what holds them is not known')}`
    })
  }
}

async function lockFolder(dir: string, modes: FileModes): Promise<Lock> {
  try {
    return await lockDirectory(dir, modes)
  } catch (error) {
    throw storeError(error)
  }
}

function allocate(bytes: number): Memory {
  try {
    return allocateMemory(bytes)
  } catch (cause) {
    throw new MillraceError(
      'MILL_MEMORY',
      `the system does not give ${bytes} bytes of shared memory; lower memoryMaxBytes`,
      { cause },
    )
  }
}
