/**
 * The thread that supervises: it answers the broker's control calls and keeps what exists, restarts and assigns.
 *
 * The control thread, one per broker; not the main thread, because a CPU-heavy app must not stop restarts. Never runs
 * user code and never touches a record. Everything it decides is decided in assignment.ts and the supervisor's step.
 */

import type { SpareThreads } from '../../actors/host-thread.ts'
import { nowMs, viewMemory } from '../../actors/world.ts'
import { openDisk } from '../log/disk/world-disk.ts'
import type { AttachPorts } from '../wire/attaching.ts'
import type {
  BrokerNotice,
  ControlBoot,
  HandlerControlApi,
  KeptSchedule,
  OwnerControlApi,
} from '../wire/control-calls.ts'
import { FAULT_BYTES } from '../wire/layout.ts'
import type { LetterTopics } from '../wire/letter-calls.ts'
import type { ThreadPlace } from '../wire/link-places.ts'
import { fromWire, MillraceError, toWire } from '../words/errors.ts'
import { attachedCalls } from './attached-calls.ts'
import { AttachedThreads } from './attached-threads.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import { CallGate } from './call-gate.ts'
import type { Caller } from './caller.ts'
import { Catalog } from './catalog.ts'
import type { ThreadEntry } from './catalog-entries.ts'
import { DeadLetterTopics } from './dead-letter-topics.ts'
import { Deletions } from './deletions.ts'
import { ExchangeCalls } from './exchange-calls.ts'
import { GroupCalls } from './group-calls.ts'
import { describeHold } from './holds.ts'
import { HostNotices } from './host-notices.ts'
import { LeanRings } from './lean-rings.ts'
import { listQueues, listTopics } from './listing.ts'
import { NamedProducers } from './named-producers.ts'
import { openDirectory } from './open-directory.ts'
import { Openings } from './openings.ts'
import { PartitionGrowth } from './partition-growth.ts'
import { PartitionHosts } from './partition-hosts.ts'
import { ProducerCalls } from './producer-calls.ts'
import { QueueCalls } from './queue-calls.ts'
import { QueueOpenings } from './queue-openings.ts'
import { RunCalls } from './run-calls.ts'
import { Runs } from './runs.ts'
import { storeOf } from './store-of.ts'
import { StoredOpenings } from './stored-openings.ts'
import { TopicCalls } from './topic-calls.ts'
import { TopicRemoval } from './topic-removal.ts'
import { watch } from './watchdog.ts'
import { WindowLending } from './window-lending.ts'

export class ControlThread {
  readonly #gate = new CallGate()
  readonly #directory: BrokerDirectory | null
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #openings: Openings
  readonly #lean: LeanRings
  readonly #deadLetterTopics: DeadLetterTopics
  readonly #owner: Caller
  readonly #attached: AttachedThreads
  readonly #runs: Runs
  readonly #runCalls: RunCalls
  readonly #topics: TopicCalls
  readonly #groups: GroupCalls
  readonly #queues: QueueCalls
  readonly #exchanges: ExchangeCalls
  readonly #producers: ProducerCalls
  readonly #notices: HostNotices
  readonly #stopWatching: () => void

  constructor(boot: ControlBoot, spareHosts: SpareThreads, creator: Pick<Caller, 'members' | 'tell'>) {
    const tell = (notice: BrokerNotice): void => {
      creator.tell(notice)
      if (notice.kind === 'brokerFailed' || notice.kind === 'diskFailed') this.#attached.tell(notice)
    }
    const gate = this.#gate
    const directory =
      boot.dir === null ? null : openDirectory(openDisk(boot.modes), boot.dir, boot.partitionThreads, boot.journalBytes)
    const catalog = new Catalog(viewMemory(boot.memory), boot.partitionThreads, directory, boot.tuning)
    const fault = catalog.shared.allocate(FAULT_BYTES * boot.partitionThreads, 'the broker')
    const owner: Caller = { thread: catalog.addThread(), hasEnded: () => false, ...creator }
    const callers = (): readonly Caller[] => [owner, ...this.#attached.callers]
    const notices = new HostNotices(tell)
    const hosts = new PartitionHosts(
      catalog,
      fault,
      storeOf(boot, directory),
      boot.restart,
      {
        notice: (host, notice) =>
          notices.noticed(host, notice, {
            gate,
            catalog,
            windows,
            producers,
            deadLetterTopics: this.#deadLetterTopics,
          }),
        restarted: (thread, reason, restarts) =>
          tell({
            kind: 'event',
            event: 'restarted',
            payload: { kind: 'partition', group: null, topic: null, thread, reason, restarts },
          }),
        gaveUp: error => tell({ kind: 'brokerFailed', error: toWire(error) }),
      },
      spareHosts,
      boot.tuning,
    )
    const windows = new WindowLending(catalog, hosts)
    const producers = new NamedProducers(catalog, hosts, task => gate.serially(task))
    const torn = [catalog.snapshots.torn, catalog.producers.torn].filter(cut => cut !== null)
    notices.cut([...(directory?.cuts ?? []), ...torn])
    const removal = new TopicRemoval(catalog, hosts, directory, () => callers().map(({ thread }) => thread))
    const openings = new Openings(catalog, hosts, directory, removal)
    this.#directory = directory
    this.#catalog = catalog
    this.#owner = owner
    this.#notices = notices
    this.#hosts = hosts
    this.#openings = openings
    this.#lean = new LeanRings(catalog)
    this.#deadLetterTopics = new DeadLetterTopics(catalog, hosts, boot.deadLetterDepth, payload =>
      tell({ kind: 'event', event: 'deadLetterDepth', payload }),
    )
    this.#runs = new Runs(catalog, hosts, {
      api: this.#handlerApi(),
      clientGone: thread => this.#threadGone(thread),
      tell,
    })
    this.#attached = new AttachedThreads(
      { gate, catalog, hosts, runs: this.#runs },
      {
        calls: caller => attachedCalls(this.#callerApi(caller), caller, this.#runs),
        gone: thread => {
          producers.threadGone(thread.place.thread)
          this.#threadGone(thread)
        },
      },
    )
    const deletions = new Deletions(
      { catalog, hosts, directory },
      openings,
      removal,
      this.#runs,
      this.#deadLetterTopics,
    )
    const growth = new PartitionGrowth({ catalog, hosts, directory, callers }, openings, producers, this.#runs)
    this.#topics = new TopicCalls({ gate, catalog, hosts, openings, windows, deletions, growth })
    this.#groups = new GroupCalls({ gate, catalog, hosts, openings, runs: this.#runs, deletions })
    const queues = new QueueOpenings(catalog, directory, openings, removal, boot.queueSegmentBytes)
    this.#queues = new QueueCalls({ gate, catalog, hosts, openings: queues, windows, runs: this.#runs })
    this.#runCalls = new RunCalls({ gate, catalog, openings, windows, queues: this.#queues, runs: this.#runs })
    this.#exchanges = new ExchangeCalls(gate, catalog, directory)
    const stored = new StoredOpenings(directory, openings, queues)
    this.#producers = new ProducerCalls({
      gate,
      catalog,
      hosts,
      openings,
      stored,
      windows,
      producers,
      lean: this.#lean,
    })
    this.#stopWatching = watch((now, lateMs) => this.#runs.watch(now, lateMs))
  }

  /** Those that the folder has. */
  get schedules(): readonly KeptSchedule[] {
    return this.#directory?.schedules.all() ?? []
  }

  get ownerPlace(): ThreadPlace {
    return this.#owner.thread.place
  }

  /** Resolves when every partition host answers. */
  async ready(): Promise<void> {
    await this.#hosts.all(api => api.partitionStats(0))
  }

  /** The broker is there, and whoever made it may listen. */
  tellCuts(): void {
    this.#notices.tellCuts()
  }

  #threadGone(thread: ThreadEntry): void {
    if (this.#gate.isClosed) return
    thread.leaving = new Set(this.#catalog.hosts.keys())
    this.#hosts.all(api => api.removeThread(thread.place.thread)).catch(() => undefined)
  }

  /** Only what handlers may ask for: the rest is the owner's. */
  #handlerApi(): HandlerControlApi {
    return {
      attachProducer: (thread, topic) => this.#producers.attach(thread, topic),
      attachProducerByName: (thread, topic) => this.#producers.attachByName(thread, topic),
      replaceRing: (thread, ring, bytes) => this.#producers.replaceRing(thread, ring, bytes),
      describeHold: (topic, partition) =>
        describeHold(this.#catalog, this.#hosts, topic, partition, group => this.#runs.hasMembers(group)),
      keepSnapshot: async (cursor, epoch, snapshot) => this.#runCalls.keepSnapshot(cursor, epoch, snapshot),
      failRun: async (cursor, epoch, error) => this.#runs.failRun(cursor, epoch, fromWire(error)),
      confirmQueue: (queue, cursor) => this.#queues.confirm(queue, cursor),
      cancelMessage: (...asked) => this.#queues.cancel(...asked),
      routeChanges: position => this.#exchanges.changes(position),
    }
  }

  /** Lets a thread of the program in. Never rejects. */
  admit(ports: AttachPorts): Promise<void> {
    return this.#attached.admit(ports)
  }

  ownerApi(): OwnerControlApi {
    return this.#callerApi(this.#owner)
  }

  #callerApi(caller: Caller): OwnerControlApi {
    const [topics, groups, producers, runs] = [this.#topics, this.#groups, this.#producers, this.#runs]
    const exchanges = this.#exchanges
    return {
      ...this.#handlerApi(),
      openTopic: (...asked) => topics.open(...asked),
      openQueue: (...asked) => this.#queues.open(...asked),
      queueStats: queue => this.#queues.stats(queue),
      askQueue: (...asked) => this.#queues.ask(...asked),
      declareExchange: (...asked) => exchanges.declare(...asked),
      bindExchange: (...asked) => exchanges.bind(...asked),
      unbindExchange: (...asked) => exchanges.unbind(...asked),
      deleteExchange: exchange => exchanges.delete(exchange),
      listExchanges: () => exchanges.list(),
      listBindings: (...asked) => exchanges.bindings(...asked),
      addPartitions: (...asked) => topics.addPartitions(...asked),
      deleteTopic: topic => topics.delete(topic),
      topicStats: topic => topics.stats(topic),
      listTopics: async () => listTopics(this.#catalog, this.#directory),
      listQueues: async () => listQueues(this.#catalog, this.#directory),
      readRanges: (...asked) => topics.readRanges(...asked),
      openProducer: (...asked) => producers.openNamed(...asked),
      keepProducer: (...asked) => producers.keepNamed(...asked),
      closeProducer: (...asked) => producers.closeNamed(...asked),
      keepSchedule: async schedule => this.#directory?.schedules.keep(schedule),
      keepProgress: async (...asked) => this.#directory?.schedules.decide(...asked),
      forgetSchedule: async schedule => this.#directory?.schedules.forget(schedule),
      groupStats: (...asked) => groups.stats(...asked),
      groupIdle: (...asked) => groups.idle(...asked),
      leaveIdle: wait => groups.leaveIdle(wait),
      seekGroup: (...asked) => groups.seek(...asked),
      deleteGroup: (...asked) => groups.delete(...asked),
      listGroups: topic => groups.list(topic),
      letterTopics: name => this.#letterTopics(name),
      readLetters: (...asked) => this.#deadLetterTopics.read(...asked),
      settleLetters: (...asked) => this.#deadLetterTopics.settle(...asked),
      startRun: spec => this.#runCalls.start(spec, caller),
      joinRun: run => runs.join(run),
      stopRun: (run, timeoutMs) => runs.stop(run, timeoutMs),
      pauseRun: run => runs.pause(run),
      resumeRun: run => runs.resume(run),
      close: timeoutMs => this.#close(timeoutMs),
      killHandler: async (run, index, aim) => runs.kill(run, index, aim),
      killPartitionHost: (host, point) => this.#hosts.kill(host, point),
      haltPartitionHost: (host, point) => this.#hosts.halt(host, point),
      census: async () => ({
        blocks: this.#catalog.shared.blocks,
        usedBytes: this.#catalog.shared.usedBytes,
        threads: runs.threads + this.#catalog.hosts.length,
      }),
    }
  }

  async #letterTopics(name: string): Promise<LetterTopics> {
    const source = this.#catalog.topicsByName.get(name)
    if (source !== undefined) await this.#gate.serially(() => this.#openings.openLettersOf(source))
    return this.#deadLetterTopics.topics(name)
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#gate.close()
    const until = nowMs() + timeoutMs
    const left = await this.#attached.close(nowMs() + timeoutMs / 2)
    left.push(...(await this.#runs.stopAll(until)))
    this.#gate.endRuns()
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
}
