/**
 * The thread that supervises: it answers the broker's control calls and keeps what exists, restarts and assigns.
 *
 * The control thread, one per broker; not the main thread, because a CPU-heavy app must not stop restarts. Never runs
 * user code and never touches a record. Everything it decides is decided in assignment.ts and the supervisor's step.
 */
import type { MessagePort } from 'node:worker_threads'
import { type Calls, connect, serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { clearTimeout, nowMs, setTimeout, viewMemory } from '../../actors/world.ts'
import { fromWire, MillraceError, toWire } from '../errors.ts'
import { FAULT_BYTES } from '../layout.ts'
import { storeError } from '../log/store-errors.ts'
import type {
  BrokerNotice,
  ControlBoot,
  GroupSummary,
  Hold,
  HostNotice,
  HostPartitionStats,
  LetterCursor,
  LetterMark,
  LetterPage,
  LetterTopics,
  MemberApi,
  OwnerControlApi,
  ProducerPlaces,
  RunShape,
  RunSpec,
  SabotageAim,
  SabotageReport,
  TopicShape,
} from '../protocol.ts'
import type { RingPlace } from '../publish/partition-writer.ts'
import type { ClientPlace } from '../thread/attached-thread.ts'
import { type BrokerDirectory, openDirectory } from './broker-directory.ts'
import { Catalog, type ClientEntry, type GroupEntry } from './catalog.ts'
import { cutter } from './cutter.ts'
import { DeadLetterOffice } from './dead-letter-office.ts'
import { GroupCoordinator, type MemberHandle } from './group-coordinator.ts'
import { HandlerRun } from './handler-run.ts'
import { describeHold } from './holds.ts'
import { Openings, type TopicSettings } from './openings.ts'
import { PartitionHosts } from './partition-hosts.ts'
import { runShape } from './run-shape.ts'
import { watch } from './watchdog.ts'

/** How long a run that gave up on the caller's thread is waited for. */
const ABANDON_MS = 2_000

/** A run, on worker threads or on the caller's. */
interface RunEntry {
  readonly id: number
  readonly spec: RunSpec
  readonly shape: RunShape
  readonly coordinator: GroupCoordinator
  /** Null: the caller's thread is the member. */
  readonly handlers: HandlerRun | null
  /** Rejects when the caller's thread is waited for no longer. */
  readonly cut: Promise<never>
  readonly cutOff: () => void
  /** The end of the run, once it is on its way. */
  stopping: Promise<readonly unknown[]> | null
}

class ControlThread implements OwnerControlApi {
  readonly #directory: BrokerDirectory | null
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #openings: Openings
  readonly #office: DeadLetterOffice
  readonly #owner: ClientEntry
  readonly #ownerMembers: Calls<MemberApi>
  readonly #tell: (notice: BrokerNotice) => void
  readonly #coordinators = new Map<GroupEntry, GroupCoordinator>()
  readonly #runs = new Map<number, RunEntry>()
  readonly #restartsByGroup = new Map<GroupEntry, number>()
  /** Makes one topic or group at a time, so that two openers of one name find one. */
  #making: Promise<unknown> = Promise.resolve()
  #closed = false
  readonly #stopWatching: () => void

  constructor(boot: ControlBoot, ownerMembers: Calls<MemberApi>, tell: (notice: BrokerNotice) => void) {
    const memory = viewMemory(boot.memory)
    this.#directory = boot.dir === null ? null : openDirectory(boot.dir, boot.partitionThreads)
    this.#catalog = new Catalog(memory, boot.partitionThreads, this.#directory)
    const fault = this.#catalog.allocate(FAULT_BYTES * boot.partitionThreads, 'the broker')
    this.#owner = this.#catalog.addClient()
    this.#ownerMembers = ownerMembers
    this.#tell = tell
    const store = this.#directory === null ? null : { dir: this.#directory.dir, logId: this.#directory.logId }
    this.#hosts = new PartitionHosts(this.#catalog, fault, store, boot.restart, {
      notice: (host, notice) => this.#noticed(host, notice),
      restarted: (host, reason, restarts) =>
        tell({
          kind: 'event',
          event: 'restarted',
          payload: { kind: 'partition', group: null, topic: null, thread: host, reason, restarts },
        }),
      gaveUp: error => tell({ kind: 'brokerFailed', error: toWire(error) }),
    })
    this.#openings = new Openings(this.#catalog, this.#hosts, this.#directory)
    this.#office = new DeadLetterOffice(this.#catalog, this.#hosts, boot.deadLetterDepth, payload =>
      tell({ kind: 'event', event: 'deadLetterDepth', payload }),
    )
    this.#stopWatching = watch((now, lateMs) => this.#look(now, lateMs))
  }

  #look(now: number, lateMs: number): number {
    let soonest = Number.POSITIVE_INFINITY
    for (const { handlers } of this.#runs.values())
      if (handlers !== null) soonest = Math.min(soonest, handlers.watch(now, lateMs))
    return soonest
  }

  get ownerPlace(): ClientPlace {
    return this.#owner.place
  }

  /** Resolves when every partition host answers. */
  async ready(): Promise<void> {
    await this.#hosts.all(api => api.partitionStats(0))
  }

  #noticed(host: number, notice: HostNotice): void {
    switch (notice.kind) {
      case 'deadLettered':
        for (const event of notice.events) this.#tell({ kind: 'event', event: 'deadLettered', payload: event })
        break
      case 'deadLetterDepth':
        this.#office.counted(notice)
        break
      case 'ringDrained':
        if (this.#catalog.clients.get(this.#catalog.rings.get(notice.ring)?.client ?? -1)?.leaving == null)
          this.#catalog.forgetRing(notice.ring)
        break
      case 'drained': {
        const client = this.#catalog.clients.get(notice.client)
        if (client?.leaving?.delete(host) === true && client.leaving.size === 0)
          this.#catalog.forgetClient(notice.client)
        break
      }
      case 'diskFailed':
        this.#tell({ kind: 'diskFailed', error: notice.error })
        break
      case 'broken':
        this.#tell({ kind: 'brokerFailed', error: notice.error })
        break
    }
  }

  #clientGone(client: ClientEntry): void {
    if (this.#closed) return
    client.leaving = new Set(this.#catalog.hosts.keys())
    this.#hosts.all(api => api.removeClient(client.place.client)).catch(() => undefined)
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#making.then(task)
    this.#making = done.catch(() => undefined)
    return done
  }

  #checkOpen(): void {
    if (this.#closed) throw new MillraceError('MILL_CLOSED', 'the broker is closed')
  }

  openTopic(name: string, settings: TopicSettings, given: readonly string[]): Promise<TopicShape> {
    return this.#serially(async () => {
      this.#checkOpen()
      return (await this.#openings.topic(name, settings, given)).shape
    })
  }

  attachProducerByName(client: number, name: string): Promise<ProducerPlaces> {
    const topic = this.#catalog.topicsByName.get(name)
    if (topic === undefined) {
      return Promise.reject(
        new MillraceError(
          'MILL_INVALID_OPTION',
          `there is no topic ${name}; open it with broker.topic before handlers publish to it`,
        ),
      )
    }
    return this.attachProducer(client, topic.shape.id)
  }

  attachProducer(client: number, id: number): Promise<ProducerPlaces> {
    return this.#serially(async () => {
      this.#checkOpen()
      const topic = this.#catalog.topic(id)
      this.#checkAttached(client)
      let rings = this.#catalog.ringsOf(client, id)
      if (rings.length === 0) {
        rings = this.#catalog.addRings(client, topic)
        await this.#hosts.all(async (api, host) => {
          await Promise.all(
            rings.filter(ring => ring.place.host === host).map(ring => api.addRing(ring.place, id, client, 0)),
          )
        })
      }
      return { topic: topic.shape, rings: rings.map(ring => ring.place) }
    })
  }

  #checkAttached(client: number): void {
    if (this.#catalog.clients.get(client)?.leaving === null) return
    throw new MillraceError('MILL_CLOSED', 'this thread has left the broker')
  }

  async growRing(client: number, id: number, bytes: number): Promise<RingPlace> {
    this.#checkOpen()
    this.#checkAttached(client)
    const old = this.#catalog.rings.get(id)
    if (old === undefined || old.client !== client) throw new Error(`broken invariant: ring ${id} is not this thread's`)
    const ring = this.#catalog.growRing(old, bytes)
    await this.#hosts.call(ring.place.host, api => api.addRing(ring.place, ring.topic, client, id))
    return ring.place
  }

  describeHold(topic: number, partition: number): Promise<Hold> {
    const isRunning = (group: GroupEntry): boolean => (this.#coordinators.get(group)?.members ?? 0) > 0
    return describeHold(this.#catalog, this.#hosts, topic, partition, isRunning)
  }

  async letterTopics(name: string): Promise<LetterTopics> {
    const source = this.#catalog.topicsByName.get(name)
    if (source !== undefined) await this.#serially(() => this.#openings.openLettersOf(source))
    return this.#office.topics(name)
  }

  readLetters(topic: number, partition: number, cursor: LetterCursor): Promise<LetterPage> {
    return this.#office.read(topic, partition, cursor)
  }

  settleLetters(topic: number, partition: number, letters: readonly LetterMark[]): Promise<void> {
    return this.#office.settle(topic, partition, letters)
  }

  async topicStats(topic: number): Promise<readonly HostPartitionStats[]> {
    const stats = await this.#hosts.all(api => api.partitionStats(topic))
    return stats.flat().sort((a, b) => a.partition - b.partition)
  }

  async groupStats(topic: number, name: string): Promise<GroupSummary> {
    const group = this.#catalog.group(topic, name)
    const base = { topic: this.#catalog.topic(topic).shape.name, group: name }
    if (group === undefined) return { ...base, restarts: 0, threads: 0, reports: [] }
    const members = group.places.map(place => place.member)
    const reports = (await this.#hosts.all(api => api.groupReports(members)))
      .flat()
      .sort((a, b) => a.partition - b.partition)
    return {
      ...base,
      restarts: this.#restartsByGroup.get(group) ?? 0,
      threads: this.#coordinators.get(group)?.owners ?? 0,
      reports,
    }
  }

  async groupIdle(topic: number, name: string): Promise<void> {
    const group = this.#catalog.group(topic, name)
    if (group === undefined) return
    const members = group.places.map(place => place.member)
    await this.#hosts.all(api => api.idle(members))
  }

  deleteGroup(topic: number, name: string): Promise<void> {
    return this.#serially(async () => {
      const group = this.#catalog.group(topic, name)
      if (group === undefined) return
      if ([...this.#runs.values()].some(run => run.coordinator.group === group)) {
        throw new MillraceError('MILL_GROUP_BUSY', `group ${name} is running; stop its runs before it is deleted`)
      }
      await this.#hosts.all(async api => {
        await Promise.all(group.places.map(place => api.deleteGroup(place.member)))
      })
      this.#coordinators.delete(group)
      this.#restartsByGroup.delete(group)
      this.#catalog.forgetGroup(group)
    })
  }

  #coordinator(group: GroupEntry): GroupCoordinator {
    let coordinator = this.#coordinators.get(group)
    if (coordinator === undefined) {
      coordinator = new GroupCoordinator(this.#catalog, this.#hosts, this.#catalog.topic(group.spec.topic), group)
      this.#coordinators.set(group, coordinator)
    }
    return coordinator
  }

  async startRun(spec: RunSpec): Promise<{ readonly run: number; readonly shape: RunShape }> {
    const entry = await this.#serially(async () => {
      this.#checkOpen()
      this.#openings.checkOutput(
        spec,
        [...this.#runs.values()].map(run => run.spec),
      )
      // Known from here on, so that its group cannot be deleted while its threads start.
      return this.#addRun(spec, await this.#openings.group(spec))
    })
    const { id: run, shape, handlers, coordinator } = entry
    try {
      await handlers?.start()
    } catch (error) {
      // Threads that had come up are members already.
      if (handlers !== null) await coordinator.leave(run, handlers.memberIds, false)
      this.#runs.delete(run)
      throw error
    }
    return { run, shape }
  }

  #addRun(spec: RunSpec, group: GroupEntry): RunEntry {
    const run = this.#catalog.nextId()
    const { shape: topic } = this.#catalog.topic(spec.topic)
    const shape = runShape(run, topic, spec, group)
    const coordinator = this.#coordinator(group)
    const handlers =
      spec.threads === null
        ? null
        : new HandlerRun(this.#catalog, this.#hosts, coordinator, shape, spec.threads, spec.confirms, {
            api: this.#handlerApi(),
            restarted: (thread, reason, restarts) => {
              this.#restartsByGroup.set(group, (this.#restartsByGroup.get(group) ?? 0) + 1)
              this.#tell({
                kind: 'event',
                event: 'restarted',
                payload: { kind: 'handler', group: spec.group, topic: topic.name, thread, reason, restarts },
              })
            },
            clientGone: client => this.#clientGone(client),
            gaveUp: error => void this.#runFailed(run, error),
          })
    const entry: RunEntry = { id: run, spec, shape, coordinator, handlers, ...cutter(), stopping: null }
    this.#runs.set(run, entry)
    return entry
  }

  /** Only what handlers may ask for: the rest is the owner's. */
  #handlerApi(): Pick<OwnerControlApi, 'attachProducer' | 'attachProducerByName' | 'growRing' | 'describeHold'> {
    return {
      attachProducer: (client, topic) => this.attachProducer(client, topic),
      attachProducerByName: (client, topic) => this.attachProducerByName(client, topic),
      growRing: (client, ring, bytes) => this.growRing(client, ring, bytes),
      describeHold: (topic, partition) => this.describeHold(topic, partition),
    }
  }

  /** The caller's thread, which knows the run by now, takes its partitions. */
  async joinRun(run: number): Promise<void> {
    const entry = this.#run(run)
    const refused = (error: unknown): void => void this.#runFailed(run, error as Error)
    const members = this.#ownerMembers
    const handle: MemberHandle = {
      run,
      client: this.#owner,
      confirms: entry.spec.confirms,
      cut: entry.cut,
      careful: () => Promise.resolve(),
      crashOf: () => Promise.resolve(null),
      assign: assignment => members.assign(run, assignment),
      revoke: (member, epoch, stop) => members.revoke(run, member, epoch, stop),
      refused,
    }
    await entry.coordinator.up(new Map([[`${run}`, handle]]))
  }

  #run(run: number): RunEntry {
    const entry = this.#runs.get(run)
    if (entry === undefined) throw new MillraceError('MILL_CLOSED', 'the run has stopped')
    return entry
  }

  async #runFailed(run: number, error: Error): Promise<void> {
    const entry = this.#runs.get(run)
    if (entry === undefined || entry.stopping !== null) return
    entry.stopping = this.#abandon(entry)
    await entry.stopping
    this.#tell({ kind: 'runFailed', run, error: toWire(error) })
  }

  async #abandon(entry: RunEntry): Promise<readonly unknown[]> {
    entry.handlers?.retire()
    await entry.handlers?.end(0)
    const timer = setTimeout(entry.cutOff, ABANDON_MS)
    await entry.coordinator.leave(entry.id, this.#memberIds(entry), false)
    clearTimeout(timer)
    this.#runs.delete(entry.id)
    return []
  }

  #memberIds(entry: RunEntry): readonly string[] {
    return entry.handlers === null ? [`${entry.id}`] : entry.handlers.memberIds
  }

  async stopRun(run: number, timeoutMs: number): Promise<readonly unknown[]> {
    const entry = this.#runs.get(run)
    if (entry === undefined) return []
    entry.stopping ??= this.#stop(entry, timeoutMs)
    return entry.stopping
  }

  async #stop(entry: RunEntry, timeoutMs: number): Promise<readonly unknown[]> {
    const { handlers } = entry
    handlers?.retire()
    let late = false
    const cut = (): void => {
      late = true
      entry.cutOff()
      void handlers?.end(0)
    }
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(cut, timeoutMs)
    const { results, failures } = await entry.coordinator.leave(entry.id, this.#memberIds(entry), true)
    clearTimeout(timer)
    await handlers?.end(Math.min(timeoutMs, 2_000))
    this.#runs.delete(entry.id)
    const { group } = entry.spec
    if (late) {
      const held = handlers === null ? 'a handler on the main thread is still busy' : 'its threads were ended'
      throw new MillraceError(
        'MILL_TIMEOUT',
        `group ${group} did not stop within ${Math.round(timeoutMs)} ms: ${held}, and what is not finished will be delivered again`,
      )
    }
    const failure = failures[0]
    if (failure !== undefined) {
      const { partition, error } = failure
      const said = error instanceof Error ? error.message : String(error)
      throw new MillraceError(
        'MILL_HANDLER',
        `group ${group} has stopped, but its handler's \`stop\` failed for partition ${partition}: ${said}`,
        { cause: error },
      )
    }
    return results.map(({ result }) => result)
  }

  async pauseRun(run: number): Promise<void> {
    const entry = this.#run(run)
    await (entry.handlers === null ? this.#ownerMembers.pause(run) : entry.handlers.pause())
  }

  async resumeRun(run: number): Promise<void> {
    const entry = this.#run(run)
    await (entry.handlers === null ? this.#ownerMembers.resume(run) : entry.handlers.resume())
  }

  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    const until = nowMs() + timeoutMs
    const left: string[] = []
    await Promise.all(
      [...this.#runs.values()].map(async entry => {
        try {
          await this.stopRun(entry.id, Math.max(1, until - nowMs()))
        } catch (error) {
          left.push((error as Error).message)
        }
      }),
    )
    this.#stopWatching()
    await this.#hosts.stop(Math.max(1, until - nowMs())).catch((error: Error) => left.push(error.message))
    await this.#hosts.close()
    this.#directory?.close()
    if (left.length > 0)
      throw new MillraceError('MILL_TIMEOUT', `the broker closed, but not in good order: ${left.join('; ')}`)
  }

  async killHandler(run: number, index: number, aim: SabotageAim): Promise<SabotageReport | null> {
    return (await this.#runs.get(run)?.handlers?.kill(index, aim)) ?? null
  }

  killPartitionHost(host: number, point: number): Promise<boolean> {
    return this.#hosts.kill(host, point)
  }

  async census(): Promise<{ readonly blocks: number; readonly usedBytes: number; readonly threads: number }> {
    const handlers = [...this.#runs.values()].reduce((sum, run) => sum + (run.handlers?.threads ?? 0), 0)
    return {
      blocks: this.#catalog.blocks,
      usedBytes: this.#catalog.usedBytes,
      threads: handlers + this.#catalog.hosts.length,
    }
  }
}

/** What the main thread hands over when it starts this one. */
export interface ControlStart {
  readonly boot: ControlBoot
  readonly api: MessagePort
  readonly members: MessagePort
  readonly notices: MessagePort
}

/** The thread's work, from its start on. */
export function control({ boot, api, members, notices }: ControlStart): void {
  setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
  const remote = connect<MemberApi>(members, { name: 'the main thread', lost: new Promise(() => undefined) })
  // A blocked main thread is no reason to give its members up.
  const tell = (notice: BrokerNotice): void => notices.postMessage(notice)
  try {
    const thread = new ControlThread(boot, remote.withDeadline(2 ** 31 - 1), tell)
    serve(api, thread)
    thread.ready().then(
      () => tell({ kind: 'ready', place: thread.ownerPlace }),
      (error: unknown) => tell({ kind: 'brokerFailed', error: toWire(error) }),
    )
  } catch (error) {
    tell({ kind: 'brokerFailed', error: toWire(storeError(error)) })
  }
}
