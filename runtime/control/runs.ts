/**
 * What handles records now: runs on handler threads and on the caller's, each a member of its group.
 *
 * The control thread. A run is known from `add` on, takes partitions up with `start` or `join`, and is gone when it has
 * stopped, or failed. It decides nothing about partitions (group-coordinator.ts) or about who handles (crew.ts).
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import type { BrokerNotice, HandlerControlApi, RunSpec, SabotageAim, SabotageReport } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { GrownTopic } from '../wire/producer-places.ts'
import { toWire } from '../words/errors.ts'
import type { Caller } from './caller.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, ThreadEntry } from './catalog-entries.ts'
import type { Coordinator } from './coordinator.ts'
import type { Crew } from './crew.ts'
import { type CrewOf, type CrewParts, crewOf } from './crew-of.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { QueueCoordinator } from './queue-coordinator.ts'
import { runShape } from './run-shape.ts'
import { sabotage } from './sabotage.ts'
import { lateError, stopFailed, stoppedError } from './stop-errors.ts'

/** Once its partitions are let go, the members of a run are waited for so long. */
const END_MS = 2_000

/** A run, whoever handles for it. */
interface RunEntry {
  readonly id: number
  readonly spec: RunSpec
  readonly shape: RunShape
  /** Who started it. */
  readonly caller: Caller
  readonly coordinator: Coordinator
  readonly crew: Crew
  /** The end of the run, once it is on its way. */
  stopping: Promise<readonly unknown[]> | null
}

export interface RunsUpcalls {
  /** What handlers' threads may ask for. */
  readonly api: HandlerControlApi
  clientGone(thread: ThreadEntry): void
  tell(notice: BrokerNotice): void
}

export class Runs {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #parts: Omit<CrewParts, 'caller'>
  readonly #crewOf: CrewOf
  readonly #upcalls: RunsUpcalls
  readonly #coordinators = new Map<GroupEntry, Coordinator>()
  readonly #runs = new Map<number, RunEntry>()
  readonly #restartsByGroup = new Map<GroupEntry, number>()

  constructor(catalog: Catalog, hosts: PartitionHosts, upcalls: RunsUpcalls, makeCrew: CrewOf = crewOf) {
    this.#catalog = catalog
    this.#hosts = hosts
    this.#parts = { catalog, hosts }
    this.#crewOf = makeCrew
    this.#upcalls = upcalls
  }

  get specs(): readonly RunSpec[] {
    return [...this.#runs.values()].map(({ spec }) => spec)
  }

  /** What each run was asked for, and where its group has its dead letters; -1: nowhere. */
  get running(): readonly { readonly spec: RunSpec; readonly deadLetterTopic: number }[] {
    return [...this.#runs.values()].map(({ spec, coordinator }) => {
      return { spec, deadLetterTopic: coordinator.group.deadLetterTopic }
    })
  }

  isRunning(group: GroupEntry): boolean {
    return [...this.#runs.values()].some(run => run.coordinator.group === group)
  }

  hasMembers(group: GroupEntry): boolean {
    return (this.#coordinators.get(group)?.members ?? 0) > 0
  }

  restartsOf(group: GroupEntry): number {
    return this.#restartsByGroup.get(group) ?? 0
  }

  /** Members that own a partition. */
  ownersOf(group: GroupEntry): number {
    return this.#coordinators.get(group)?.owners ?? 0
  }

  /** Handler threads of all runs. */
  get threads(): number {
    return [...this.#runs.values()].flatMap(({ crew }) => crew.threads).filter(({ life }) => life !== null).length
  }

  /** Groups of this topic that run, each of which takes up partitions that are added. */
  runningOf(topic: number): number {
    return [...this.#coordinators.values()].filter(({ group, members }) => group.spec.topic === topic && members > 0)
      .length
  }

  /** These topics have more partitions: who reads them is given those, and who publishes to them hears of it. */
  grown(topics: ReadonlySet<number>, grownFor: (thread: ThreadEntry) => readonly GrownTopic[]): void {
    for (const coordinator of this.#coordinators.values()) {
      coordinator.tellGrown(grownFor)
      if (topics.has(coordinator.group.spec.topic)) void this.#hosts.settled(coordinator.grown())
    }
  }

  /** Undefined: nothing of it has run. */
  coordinatorOf(group: GroupEntry): Coordinator | undefined {
    return this.#coordinators.get(group)
  }

  forget(group: GroupEntry): void {
    this.#coordinators.delete(group)
    this.#restartsByGroup.delete(group)
  }

  /** Looks after handlers that hang; returns when to look again. */
  watch(now: number, lateMs: number): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#runs.values()].map(({ crew }) => crew.watch(now, lateMs)))
  }

  #coordinator(group: GroupEntry): Coordinator {
    let coordinator = this.#coordinators.get(group)
    if (coordinator === undefined) {
      const topic = this.#catalog.topic(group.spec.topic)
      const Made = topic.shape.queue === undefined ? GroupCoordinator : QueueCoordinator
      coordinator = new Made(this.#catalog, this.#hosts, topic, group)
      this.#coordinators.set(group, coordinator)
    }
    return coordinator
  }

  /** Returns its number. */
  add(spec: RunSpec, group: GroupEntry, caller: Caller): number {
    const run = this.#catalog.nextId()
    const { shape: topic } = this.#catalog.topic(spec.topic)
    const shape = runShape(run, topic, spec, group)
    const coordinator = this.#coordinator(group)
    const crew = this.#crew(shape, spec, coordinator, caller)
    this.#runs.set(run, { id: run, spec, shape, caller, coordinator, crew, stopping: null })
    return run
  }

  #crew(shape: RunShape, spec: RunSpec, coordinator: Coordinator, caller: Caller): Crew {
    return this.#crewOf({ ...this.#parts, caller }, spec, shape, coordinator, {
      api: this.#upcalls.api,
      restarted: (thread, reason, restarts) => {
        const { group } = coordinator
        const { name, queue } = shape.topic
        const ofQueue = queue === undefined ? {} : { queue: name }
        this.#restartsByGroup.set(group, (this.#restartsByGroup.get(group) ?? 0) + 1)
        this.#upcalls.tell({
          kind: 'event',
          event: 'restarted',
          payload: { kind: 'handler', group: spec.group, topic: name, ...ofQueue, thread, reason, restarts },
        })
      },
      clientGone: thread => this.#upcalls.clientGone(thread),
      failed: error => void this.#failed(shape.run, error),
    })
  }

  /** Starts its threads, if it has any. */
  async start(run: number): Promise<RunShape> {
    const { shape, crew, coordinator } = this.#run(run)
    try {
      await crew.start()
    } catch (error) {
      // Threads that had come up are members already.
      await coordinator.leave(run, crew.memberIds, false)
      this.#runs.delete(run)
      throw error
    }
    return shape
  }

  /** A thread that the run did not start, and which knows it by now, takes its partitions. */
  async join(run: number): Promise<void> {
    const entry = this.#run(run)
    // It has left its group, or is about to: who joined now would own partitions for ever.
    if (entry.stopping !== null) throw stoppedError()
    try {
      await entry.crew.join()
    } catch (error) {
      // Nobody may stop it any more: it would be in the way for ever.
      entry.stopping ??= this.#abandon(entry)
      void this.#hosts.settled(entry.stopping)
      throw error
    }
  }

  #run(run: number): RunEntry {
    const entry = this.#runs.get(run)
    if (entry === undefined) throw stoppedError()
    return entry
  }

  async #failed(run: number, error: Error): Promise<void> {
    const entry = this.#runs.get(run)
    if (entry === undefined || entry.stopping !== null) return
    entry.stopping = this.#abandon(entry)
    await this.#hosts.settled(entry.stopping)
    entry.caller.tell({ kind: 'runFailed', run, error: toWire(error) })
  }

  async #abandon(entry: RunEntry): Promise<readonly unknown[]> {
    await entry.crew.fail()
    await entry.coordinator.leave(entry.id, entry.crew.memberIds, false)
    await entry.crew.end(0)
    this.#runs.delete(entry.id)
    return []
  }

  async stop(run: number, timeoutMs: number): Promise<readonly unknown[]> {
    const entry = this.#runs.get(run)
    if (entry === undefined) return []
    entry.stopping ??= this.#stopped(entry, timeoutMs)
    return entry.stopping
  }

  async #stopped(entry: RunEntry, timeoutMs: number): Promise<readonly unknown[]> {
    const { crew } = entry
    crew.retire()
    let late = false
    const cut = (): void => {
      late = true
      void crew.end(0)
    }
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(cut, timeoutMs)
    const { results, failures } = await entry.coordinator.leave(entry.id, crew.memberIds, true)
    clearTimeout(timer)
    await crew.end(Math.min(timeoutMs, END_MS))
    this.#runs.delete(entry.id)
    if (late) throw lateError(entry.shape, timeoutMs, crew.heldUp)
    const failure = failures[0]
    if (failure !== undefined) throw stopFailed(entry.shape, failure)
    return results.map(({ result }) => result)
  }

  /** A caller's thread has ended, and so does what it began. Resolves when nothing is read there any more. Never rejects. */
  async callerGone(caller: Caller): Promise<void> {
    await Promise.all(
      this.#runsOf(caller).map(async entry => {
        const stopped = this.stop(entry.id, END_MS).catch(() => undefined)
        // Handler threads have memory of their own.
        if (entry.spec.threads === null) await stopped
      }),
    )
  }

  #runsOf(caller: Caller | null): RunEntry[] {
    return [...this.#runs.values()].filter(run => caller === null || run.caller === caller)
  }

  /** Stops all runs of a caller, or all; returns what was said of those that did not stop in good order. */
  async stopAll(until: number, caller: Caller | null = null): Promise<string[]> {
    const left: string[] = []
    await Promise.all(
      this.#runsOf(caller).map(async entry => {
        try {
          await this.stop(entry.id, Math.max(1, until - nowMs()))
        } catch (error) {
          left.push((error as Error).message)
        }
      }),
    )
    return left
  }

  /** Records of a member cannot be read any more, or its state cannot be kept: its run fails, and no other of its group. */
  failRun(cursor: number, epoch: number, error: Error): void {
    for (const coordinator of this.#coordinators.values()) {
      const run = coordinator.runOf(cursor, epoch)
      if (run !== null) void this.#failed(run, error)
    }
  }

  async pause(run: number): Promise<void> {
    await this.#run(run).crew.pause(true)
  }

  async resume(run: number): Promise<void> {
    await this.#run(run).crew.pause(false)
  }

  /** Tests only. */
  async kill(run: number, index: number, aim: SabotageAim): Promise<SabotageReport | null> {
    return sabotage(this.#catalog.memory, this.#runs.get(run)?.crew.threads[index], aim)
  }
}
