/**
 * The thread that supervises: it answers the broker's control calls and keeps what exists, restarts and assigns.
 *
 * The control thread, one per broker; not the main thread, because a CPU-heavy app must not stop restarts. Never runs
 * user code and never touches a record. Everything it decides is decided in assignment.ts and the supervisor's step.
 */
import type { MessagePort } from 'node:worker_threads'
import { type Calls, connect, serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { nowMs, viewMemory } from '../../actors/world.ts'
import { openDisk } from '../log/disk/world-disk.ts'
import { storeError } from '../log/store/store-errors.ts'
import type {
  BrokerNotice,
  ControlBoot,
  HandlerControlApi,
  Hold,
  OwnerControlApi,
  RunSpec,
  SabotageAim,
  SabotageReport,
} from '../wire/control-calls.ts'
import type { CutTail } from '../wire/folder.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import { FAULT_BYTES } from '../wire/layout.ts'
import type { LetterCursor, LetterMark, LetterPage, LetterTopics } from '../wire/letter-calls.ts'
import type { ThreadPlace } from '../wire/link-places.ts'
import type { MemberApi, RunShape } from '../wire/member-calls.ts'
import type { HandlerSnapshot, PartitionLogPlace, TopicShape } from '../wire/places.ts'
import type { GrownTopic, NamedPlaces, ProducerPlaces, ProducerState, RingPlace } from '../wire/producer-places.ts'
import type { GroupSummary, HostPartitionStats } from '../wire/reports.ts'
import type { ReadRange, StartPosition } from '../wire/start-position.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { type ErrorWire, fromWire, MillraceError, toWire } from '../words/errors.ts'
import type { GroupInfo, TopicInfo } from '../words/listing.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import { Catalog, settledOf, type ThreadEntry, type TopicEntry } from './catalog.ts'
import { DeadLetterTopics } from './dead-letter-topics.ts'
import { Deletions } from './deletions.ts'
import { GroupCalls } from './group-calls.ts'
import { describeHold } from './holds.ts'
import { LeanRings } from './lean-rings.ts'
import { listGroups, listTopics } from './listing.ts'
import { NamedProducers } from './named-producers.ts'
import { openDirectory } from './open-directory.ts'
import { Openings, type TopicSettings } from './openings.ts'
import { PartitionGrowth } from './partition-growth.ts'
import { PartitionHosts, type PartitionHostsUpcalls } from './partition-hosts.ts'
import { addRings, replaceRing, ringsOf } from './producer-rings.ts'
import { Runs } from './runs.ts'
import { TopicRemoval } from './topic-removal.ts'
import { watch } from './watchdog.ts'
import { WindowLending } from './window-lending.ts'

class ControlThread implements OwnerControlApi {
  readonly #directory: BrokerDirectory | null
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #openings: Openings
  readonly #producers: NamedProducers
  readonly #windows: WindowLending
  readonly #lean: LeanRings
  readonly #deadLetterTopics: DeadLetterTopics
  readonly #owner: ThreadEntry
  readonly #tell: (notice: BrokerNotice) => void
  readonly #runs: Runs
  readonly #groups: GroupCalls
  readonly #deletions: Deletions
  readonly #growth: PartitionGrowth
  /** Makes one topic or group at a time, so that two openers of one name find one. */
  #making: Promise<unknown> = Promise.resolve()
  #closed = false
  /** All runs have stopped, or were given up. */
  #runsAreOver = false
  readonly #stopWatching: () => void
  /** What was cut off files before anybody could listen; null: from now on it is told at once. */
  #cuts: CutTail[] | null = []

  constructor(boot: ControlBoot, ownerMembers: Calls<MemberApi>, tell: (notice: BrokerNotice) => void) {
    const memory = viewMemory(boot.memory)
    this.#directory =
      boot.dir === null ? null : openDirectory(openDisk(boot.modes), boot.dir, boot.partitionThreads, boot.journalBytes)
    this.#catalog = new Catalog(memory, boot.partitionThreads, this.#directory, boot.tuning)
    const fault = this.#catalog.allocate(FAULT_BYTES * boot.partitionThreads, 'the broker')
    this.#owner = this.#catalog.addThread()
    this.#tell = tell
    const { dir, logId } = this.#directory ?? { dir: null, logId: null }
    const { journalBytes, modes } = boot
    const store = dir === null ? null : { dir, held: boot.held, logId, journalBytes, modes }
    const told: PartitionHostsUpcalls = {
      notice: (host, notice) => this.#noticed(host, notice),
      restarted: (host, reason, restarts) =>
        tell({
          kind: 'event',
          event: 'restarted',
          payload: { kind: 'partition', group: null, topic: null, thread: host, reason, restarts },
        }),
      gaveUp: error => tell({ kind: 'brokerFailed', error: toWire(error) }),
    }
    this.#hosts = new PartitionHosts(this.#catalog, fault, store, boot.restart, told, boot.tuning)
    this.#windows = new WindowLending(this.#catalog, this.#hosts)
    this.#lean = new LeanRings(this.#catalog)
    const { snapshots, producers } = this.#catalog
    this.#cut([...(this.#directory?.cuts ?? []), ...[snapshots.torn, producers.torn].filter(cut => cut !== null)])
    this.#producers = new NamedProducers(this.#catalog, this.#hosts, task => this.#serially(task))
    const removal = new TopicRemoval(this.#catalog, this.#hosts, this.#directory, this.#owner)
    this.#openings = new Openings(this.#catalog, this.#hosts, this.#directory, removal)
    this.#deadLetterTopics = new DeadLetterTopics(this.#catalog, this.#hosts, boot.deadLetterDepth, payload =>
      tell({ kind: 'event', event: 'deadLetterDepth', payload }),
    )
    this.#runs = new Runs(this.#catalog, this.#hosts, this.#owner, ownerMembers, {
      api: this.#handlerApi(),
      clientGone: thread => this.#clientGone(thread),
      tell,
    })
    this.#groups = new GroupCalls(this.#catalog, this.#hosts, this.#openings, this.#runs, task => this.#serially(task))
    const parts = { catalog: this.#catalog, hosts: this.#hosts, directory: this.#directory }
    this.#deletions = new Deletions(parts, this.#openings, removal, this.#runs, this.#deadLetterTopics)
    this.#growth = new PartitionGrowth(parts, this.#openings, this.#producers, this.#runs)
    this.#stopWatching = watch((now, lateMs) => this.#runs.watch(now, lateMs))
  }

  get ownerPlace(): ThreadPlace {
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
      case 'passedOver':
      case 'dropped':
      case 'attemptFailed':
      case 'stalled':
        this.#tell({ kind: 'event', event: notice.kind, payload: notice.event })
        break
      case 'deadLetterDepth':
        this.#deadLetterTopics.counted(notice)
        break
      case 'ringDrained':
        if (this.#catalog.threads.get(this.#catalog.rings.get(notice.ring)?.thread ?? -1)?.leaving == null)
          this.#catalog.forgetRing(notice.ring)
        this.#producers.ringDrained()
        break
      case 'windowAsked':
        if (!this.#closed) this.#windows.asked(notice)
        break
      case 'windowMoved':
        this.#windows.moved(notice)
        break
      case 'drained': {
        const thread = this.#catalog.threads.get(notice.thread)
        if (thread?.leaving?.delete(host) === true && thread.leaving.size === 0)
          this.#catalog.forgetThread(notice.thread)
        break
      }
      case 'recovered':
        this.#cut(notice.cuts)
        break
      case 'diskFailed': {
        // Whoever has the folder now works on the same groups: nothing goes on here.
        const isLost = notice.error.code === 'MILL_LOCKED'
        this.#tell({ kind: isLost ? 'brokerFailed' : 'diskFailed', error: notice.error })
        break
      }
      case 'broken':
        this.#tell({ kind: 'brokerFailed', error: notice.error })
        break
    }
  }

  #cut(cuts: readonly CutTail[]): void {
    if (this.#cuts !== null) this.#cuts.push(...cuts)
    else
      for (const { file, position, bytes, why } of cuts)
        this.#tell({ kind: 'event', event: 'recovered', payload: { file, position, bytes, reason: why } })
  }

  /** The broker is there, and whoever made it may listen. */
  tellCuts(): void {
    const cuts = this.#cuts ?? []
    this.#cuts = null
    this.#cut(cuts)
  }

  #clientGone(thread: ThreadEntry): void {
    if (this.#closed) return
    thread.leaving = new Set(this.#catalog.hosts.keys())
    this.#hosts.all(api => api.removeThread(thread.place.thread)).catch(() => undefined)
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#making.then(task)
    this.#making = done.catch(() => undefined)
    return done
  }

  #checkOpen(): void {
    if (this.#closed) throw new MillraceError('MILL_CLOSED', 'the broker is closed')
  }

  /** Runs that are being stopped finish what they have in hand, and what that publishes may need a ring, or a larger one. */
  #checkRunning(): void {
    if (this.#runsAreOver) this.#checkOpen()
  }

  openTopic(name: string, settings: TopicSettings, given: readonly string[]): Promise<TopicShape> {
    return this.#serially(async () => {
      this.#checkOpen()
      return (await this.#windows.withRoom(() => this.#openings.topic(name, settings, given))).shape
    })
  }

  async attachProducerByName(thread: number, name: string): Promise<ProducerPlaces> {
    return this.attachProducer(thread, this.#topicOf(name).shape.id)
  }

  #topicOf(name: string): TopicEntry {
    const topic = this.#catalog.topicsByName.get(name)
    if (topic !== undefined) return topic
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `there is no topic ${name}; open it with broker.topic before anything is published to it`,
    )
  }

  attachProducer(thread: number, id: number): Promise<ProducerPlaces> {
    return this.#serially(async () => {
      this.#checkRunning()
      const topic = this.#catalog.topic(id)
      this.#checkAttached(thread)
      this.#openings.share(topic)
      let rings = ringsOf(this.#catalog, thread, id)
      if (rings.length === 0) {
        rings = await this.#windows.withRoom(async () => addRings(this.#catalog, thread, topic))
        this.#lean.look()
        await this.#hosts.all(async (api, host) => {
          await Promise.all(
            rings.filter(ring => ring.place.host === host).map(ring => api.addRing(ring.place, id, thread, 0)),
          )
        })
      }
      return { topic: topic.shape, rings: rings.map(ring => ring.place) }
    })
  }

  #checkAttached(thread: number): void {
    if (this.#catalog.threads.get(thread)?.leaving === null) return
    throw new MillraceError('MILL_CLOSED', 'this thread has left the broker')
  }

  async replaceRing(thread: number, id: number, bytes: number): Promise<RingPlace> {
    this.#checkRunning()
    this.#checkAttached(thread)
    const old = this.#catalog.rings.get(id)
    // It was given back when its topic was deleted.
    if (old === undefined) throw deletedTopic(null)
    if (old.thread !== thread) throw new Error(`broken invariant: ring ${id} is not this thread's`)
    const ring = await this.#windows.withRoom(async () => replaceRing(this.#catalog, old, bytes))
    this.#lean.look()
    if (ring === old) return old.place
    await this.#hosts.call(ring.place.host, api => api.addRing(ring.place, ring.topic, thread, id))
    return ring.place
  }

  async keepSnapshot(cursor: number, epoch: number, snapshot: HandlerSnapshot): Promise<boolean> {
    return this.#runs.keepSnapshot(cursor, epoch, snapshot)
  }

  async failRun(cursor: number, epoch: number, error: ErrorWire): Promise<void> {
    this.#runs.failRun(cursor, epoch, fromWire(error))
  }

  async openProducer(thread: number, name: string, producer: string): Promise<NamedPlaces> {
    const topic = this.#topicOf(name)
    const checkOpen = (): void => {
      this.#checkOpen()
      this.#checkAttached(thread)
      this.#catalog.topic(topic.shape.id)
    }
    checkOpen()
    this.#openings.share(topic)
    return this.#windows.withRoom(() => this.#producers.open(thread, topic, producer, checkOpen))
  }

  async keepProducer(topic: number, name: string, state: ProducerState): Promise<void> {
    this.#producers.keep(topic, name, state)
  }

  async closeProducer(topic: number, name: string, state: ProducerState): Promise<void> {
    this.#producers.close(topic, name, state)
  }

  describeHold(topic: number, partition: number): Promise<Hold> {
    return describeHold(this.#catalog, this.#hosts, topic, partition, group => this.#runs.hasMembers(group))
  }

  async letterTopics(name: string): Promise<LetterTopics> {
    const source = this.#catalog.topicsByName.get(name)
    if (source !== undefined) await this.#serially(() => this.#openings.openLettersOf(source))
    return this.#deadLetterTopics.topics(name)
  }

  readLetters(topic: number, partition: number, cursor: LetterCursor): Promise<LetterPage> {
    return this.#deadLetterTopics.read(topic, partition, cursor)
  }

  settleLetters(topic: number, partition: number, letters: readonly LetterMark[]): Promise<void> {
    return this.#deadLetterTopics.settle(topic, partition, letters)
  }

  async topicStats(topic: number): Promise<readonly HostPartitionStats[]> {
    const { partitions } = this.#catalog.topic(topic).shape
    const stats = (await this.#hosts.all(api => api.partitionStats(topic))).flat()
    // Some may be on their way.
    return stats.filter(({ partition }) => partition < partitions).sort((a, b) => a.partition - b.partition)
  }

  groupStats(topic: number, name: string, letters: boolean): Promise<GroupSummary> {
    return this.#groups.stats(topic, name, letters)
  }

  groupIdle(topic: number, name: string): Promise<void> {
    return this.#groups.idle(topic, name)
  }

  seekGroup(topic: number, name: string, partition: number | null, place: StartPosition): Promise<void> {
    return this.#serially(async () => {
      this.#checkOpen()
      await this.#groups.seek(topic, name, partition, place)
    })
  }

  deleteGroup(topic: number, name: string): Promise<void> {
    return this.#serially(async () => {
      this.#checkOpen()
      await this.#deletions.group(topic, name)
    })
  }

  deleteTopic(topic: number): Promise<void> {
    return this.#serially(async () => {
      this.#checkOpen()
      await this.#deletions.topic(topic)
    })
  }

  addPartitions(thread: number, topic: number, count: number): Promise<readonly GrownTopic[]> {
    return this.#serially(async () => {
      this.#checkOpen()
      return this.#windows.withRoom(() => this.#growth.add(thread, topic, count))
    })
  }

  async listTopics(): Promise<readonly TopicInfo[]> {
    return listTopics(this.#catalog, this.#directory)
  }

  async listGroups(topic: number): Promise<readonly GroupInfo[]> {
    this.#catalog.topic(topic)
    return listGroups(this.#catalog, this.#runs, topic, this.#openings.groupNames(topic))
  }

  async readRanges(topic: number, partition: number | null, place: StartPosition): Promise<readonly ReadRange[]> {
    const entry = this.#catalog.topic(topic)
    const wanted = settledOf(entry, entry.places).filter(
      ({ partition: its }) => partition === null || partition === its,
    )
    return Promise.all(
      wanted.map(async ({ partition: its, host, log }) => {
        const range = await this.#hosts.call(host, api => api.offsetAt(topic, its, place))
        return { partition: its, place: log as PartitionLogPlace, ...range }
      }),
    )
  }

  async startRun(spec: RunSpec): Promise<{ readonly run: number; readonly shape: RunShape }> {
    const run = await this.#serially(async () => {
      this.#checkOpen()
      this.#openings.checkOutput(spec, this.#runs.specs)
      // Known from here on, so that its group cannot be deleted while its threads start.
      return this.#runs.add(spec, await this.#windows.withRoom(() => this.#openings.group(spec)))
    })
    return { run, shape: await this.#runs.start(run) }
  }

  joinRun(run: number): Promise<void> {
    return this.#runs.join(run)
  }

  stopRun(run: number, timeoutMs: number): Promise<readonly unknown[]> {
    return this.#runs.stop(run, timeoutMs)
  }

  pauseRun(run: number): Promise<void> {
    return this.#runs.pause(run)
  }

  resumeRun(run: number): Promise<void> {
    return this.#runs.resume(run)
  }

  /** Only what handlers may ask for: the rest is the owner's. */
  #handlerApi(): HandlerControlApi {
    return {
      attachProducer: (thread, topic) => this.attachProducer(thread, topic),
      attachProducerByName: (thread, topic) => this.attachProducerByName(thread, topic),
      replaceRing: (thread, ring, bytes) => this.replaceRing(thread, ring, bytes),
      describeHold: (topic, partition) => this.describeHold(topic, partition),
      keepSnapshot: (cursor, epoch, snapshot) => this.keepSnapshot(cursor, epoch, snapshot),
      failRun: (cursor, epoch, error) => this.failRun(cursor, epoch, error),
    }
  }

  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    const until = nowMs() + timeoutMs
    const left: string[] = []
    left.push(...(await this.#runs.stopAll(until)))
    this.#runsAreOver = true
    this.#stopWatching()
    this.#lean.close()
    await this.#hosts.stop(Math.max(1, until - nowMs())).catch((error: Error) => left.push(error.message))
    await this.#hosts.close()
    this.#catalog.snapshots.close()
    this.#catalog.producers.close()
    this.#directory?.close()
    if (left.length > 0)
      throw new MillraceError('MILL_TIMEOUT', `the broker closed, but not in good order: ${left.join('; ')}`)
  }

  async killHandler(run: number, index: number, aim: SabotageAim): Promise<SabotageReport | null> {
    return this.#runs.kill(run, index, aim)
  }

  killPartitionHost(host: number, point: number): Promise<boolean> {
    return this.#hosts.kill(host, point)
  }

  haltPartitionHost(host: number, point: number): Promise<boolean> {
    return this.#hosts.halt(host, point)
  }

  async census(): Promise<{ readonly blocks: number; readonly usedBytes: number; readonly threads: number }> {
    return {
      blocks: this.#catalog.blocks,
      usedBytes: this.#catalog.usedBytes,
      threads: this.#runs.threads + this.#catalog.hosts.length,
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
      () => {
        tell({ kind: 'ready', place: thread.ownerPlace })
        thread.tellCuts()
      },
      (error: unknown) => tell({ kind: 'brokerFailed', error: toWire(error) }),
    )
  } catch (error) {
    tell({ kind: 'brokerFailed', error: toWire(storeError(error)) })
  }
}
