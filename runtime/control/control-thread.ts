/**
 * The thread that supervises: it answers the broker's control calls and keeps what exists, restarts and assigns.
 *
 * The control thread, one per broker; not the main thread, because a CPU-heavy app must not stop restarts. Never runs
 * user code and never touches a record. Everything it decides is decided in assignment.ts and the supervisor's step.
 */
import { type MessagePort, workerData } from 'node:worker_threads'
import { Memory } from 'sharedarraybuffer-ring'
import { type Calls, connect, serve } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { fromWire, MillraceError, toWire } from '../errors.ts'
import { DEAD_LETTER_EXTRA_BYTES } from '../group/dead-letter.ts'
import { FAULT_BYTES } from '../layout.ts'
import { checkName } from '../names.ts'
import type {
  BrokerNotice,
  ControlBoot,
  GroupPlace,
  GroupSpec,
  GroupSummary,
  Hold,
  HostNotice,
  MemberApi,
  OwnerControlApi,
  PartitionHostApi,
  ProducerPlaces,
  RetryPolicy,
  RunShape,
  RunSpec,
  SabotageAim,
  SabotageReport,
  TopicShape,
} from '../protocol.ts'
import type { RingPlace } from '../publish/partition-writer.ts'
import type { ClientPlace } from '../thread/attached-thread.ts'
import type { PartitionStats } from '../types.ts'
import { Catalog, type ClientEntry, type GroupEntry, type TopicEntry } from './catalog.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import { HandlerRun } from './handler-run.ts'
import { PartitionHosts } from './partition-hosts.ts'

type TopicSettings = Parameters<OwnerControlApi['openTopic']>[1]

/** How soon the watchdog looks again, while handlers are on the stack and while none is. */
const WATCH_BUSY_MS = 25
const WATCH_IDLE_MS = 100
const DEFAULT_POLICY: RetryPolicy = { attempts: 5, initialMs: 100, maxMs: 10_000, jitter: 0.2 }

/** A run, on worker threads or on the caller's. */
interface RunEntry {
  readonly id: number
  readonly spec: RunSpec
  readonly shape: RunShape
  readonly coordinator: GroupCoordinator
  /** Null: the caller's thread is the member. */
  readonly handlers: HandlerRun | null
  stopping: boolean
}

class ControlThread implements OwnerControlApi {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #owner: ClientEntry
  readonly #ownerMembers: Calls<MemberApi>
  readonly #tell: (notice: BrokerNotice) => void
  readonly #coordinators = new Map<GroupEntry, GroupCoordinator>()
  readonly #runs = new Map<number, RunEntry>()
  readonly #restartsByGroup = new Map<GroupEntry, number>()
  /** Makes one topic or group at a time, so that two openers of one name find one. */
  #making: Promise<unknown> = Promise.resolve()
  #closed = false
  #watchdog: NodeJS.Timeout

  constructor(boot: ControlBoot, ownerMembers: Calls<MemberApi>, tell: (notice: BrokerNotice) => void) {
    const memory = new Memory(boot.memory)
    this.#catalog = new Catalog(memory, boot.partitionThreads)
    const fault = this.#catalog.allocate(FAULT_BYTES, 'the broker')
    this.#owner = this.#catalog.addClient()
    this.#ownerMembers = ownerMembers
    this.#tell = tell
    this.#hosts = new PartitionHosts(this.#catalog, fault, boot.restart, {
      notice: (host, notice) => this.#noticed(host, notice),
      restarted: (host, reason, restarts) =>
        tell({
          kind: 'event',
          event: 'restarted',
          payload: { kind: 'partition', group: null, topic: null, thread: host, reason, restarts },
        }),
      gaveUp: error => tell({ kind: 'brokerFailed', error: toWire(error) }),
    })
    this.#watchdog = this.#watchAfter(WATCH_IDLE_MS)
  }

  #watchAfter(delayMs: number): NodeJS.Timeout {
    const due = performance.now() + delayMs
    const timer = setTimeout(() => {
      const now = performance.now()
      let busy = false
      // Its own lateness is nobody's hang.
      for (const run of this.#runs.values()) if (run.handlers?.watch(now, Math.max(0, now - due)) === true) busy = true
      if (!this.#closed) this.#watchdog = this.#watchAfter(busy ? WATCH_BUSY_MS : WATCH_IDLE_MS)
    }, delayMs)
    return timer.unref()
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
      case 'broken':
        this.#tell({ kind: 'brokerFailed', error: notice.error })
        break
    }
  }

  #clientGone(client: ClientEntry, exited: boolean): void {
    // A zombie may still write to its blocks: they stay allocated for as long as the broker lives.
    if (!exited || this.#closed) return
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

  #topic(id: number): TopicEntry {
    const topic = this.#catalog.topics.get(id)
    if (topic === undefined) throw new Error(`broken invariant: no topic ${id}`)
    return topic
  }

  openTopic(name: string, options: TopicSettings, given: readonly string[]): Promise<TopicShape> {
    return this.#serially(async () => {
      this.#checkOpen()
      const known = this.#catalog.topicsByName.get(name)
      if (known !== undefined) {
        checkSame(`topic ${name}`, known.shape, options, given)
        await this.#nameGroups(known, options.groups)
        return known.shape
      }
      const { partitions, codec, maxMessageBytes, windowBytes, onFull, groups } = options
      const topic = await this.#makeTopic(name, {
        partitions,
        codec,
        maxMessageBytes,
        windowBytes,
        onFull,
        deadLetters: false,
      })
      await this.#nameGroups(topic, groups)
      return topic.shape
    })
  }

  /** Groups that gate the topic before anyone joins them; who joins first sets their options. */
  async #nameGroups(topic: TopicEntry, groups: readonly string[]): Promise<void> {
    for (const group of groups) {
      if (this.#group(topic.shape.id, group) !== undefined) continue
      await this.#addGroup(
        topic,
        { topic: topic.shape.id, group, policy: DEFAULT_POLICY, deadLetter: null, from: 'earliest', given: [] },
        -1,
        false,
      )
    }
  }

  async #makeTopic(name: string, shape: Omit<TopicShape, 'id' | 'name'>): Promise<TopicEntry> {
    const topic = this.#catalog.addTopic(name, shape)
    await this.#hosts.all(async (api, host) => {
      await Promise.all(
        topic.places.filter(place => place.host === host).map(place => api.addPartition(place, topic.shape)),
      )
    })
    return topic
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
      const topic = this.#topic(id)
      if (!this.#catalog.clients.has(client)) throw new MillraceError('MILL_CLOSED', 'this thread has left the broker')
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

  async growRing(client: number, id: number, bytes: number): Promise<RingPlace> {
    this.#checkOpen()
    const old = this.#catalog.rings.get(id)
    if (old === undefined || old.client !== client) throw new Error(`broken invariant: ring ${id} is not this thread's`)
    const ring = this.#catalog.growRing(old, bytes)
    await this.#hosts.call(ring.place.host, api => api.addRing(ring.place, ring.topic, client, id))
    return ring.place
  }

  async describeHold(topic: number, partition: number): Promise<Hold> {
    const { shape, places } = this.#topic(topic)
    const { host } = places[partition] as { readonly host: number }
    const groups = [...this.#catalog.groups.values()].filter(group => group.spec.topic === topic)
    const members = groups.map(group => (group.places[partition] as GroupPlace).member)
    const reports = await this.#hosts.call(host, api => api.groupReports(members))
    let slowest: (typeof reports)[number] | undefined
    for (const report of reports) if (slowest === undefined || report.lagBytes > slowest.lagBytes) slowest = report
    if (slowest === undefined) {
      const why = shape.deadLetters ? 'it is a dead-letter topic that nobody reads' : 'no group reads it'
      return {
        topic: shape.name,
        text: `partition ${partition} of topic ${shape.name} is full: ${why}`,
        group: null,
        lagBytes: 0,
      }
    }
    const held = groups.find(group => group.places[partition]?.member === slowest.member) as GroupEntry
    const { group } = held.spec
    const state = (this.#coordinators.get(held)?.members ?? 0) > 0 ? 'running' : 'not running'
    const text = `partition ${partition} of topic ${shape.name} is held by group ${group} (${state}), which is ${slowest.lag} records and ${slowest.lagBytes} bytes behind`
    return { topic: shape.name, text, group, lagBytes: slowest.lagBytes }
  }

  async topicStats(topic: number): Promise<readonly (PartitionStats & { readonly dropped: number })[]> {
    const stats = await this.#hosts.all(api => api.partitionStats(topic))
    return stats.flat().sort((a, b) => a.partition - b.partition)
  }

  #group(topic: number, group: string): GroupEntry | undefined {
    return this.#catalog.groups.get(this.#catalog.groupKey(topic, group))
  }

  async groupStats(topic: number, name: string): Promise<GroupSummary> {
    const group = this.#group(topic, name)
    const base = { topic: this.#topic(topic).shape.name, group: name }
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
    const group = this.#group(topic, name)
    if (group === undefined) return
    const members = group.places.map(place => place.member)
    await this.#hosts.all(api => api.idle(members))
  }

  deleteGroup(topic: number, name: string): Promise<void> {
    return this.#serially(async () => {
      const group = this.#group(topic, name)
      if (group === undefined) return
      if ((this.#coordinators.get(group)?.members ?? 0) > 0) {
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

  async #makeGroup(spec: GroupSpec): Promise<GroupEntry> {
    const known = this.#group(spec.topic, spec.group)
    if (known !== undefined) checkSamePolicy(known, spec)
    if (known?.joined === true) return known
    const topic = this.#topic(spec.topic)
    const deadLetterTopic =
      spec.deadLetter === null ? -1 : (await this.#deadLetterTopic(topic, spec.deadLetter)).shape.id
    if (known === undefined) return this.#addGroup(topic, spec, deadLetterTopic, true)
    const group = this.#catalog.joinGroup(known, spec, deadLetterTopic)
    await this.#placeGroup(topic, group, (api, place) => api.reopenGroup(place))
    return group
  }

  async #addGroup(topic: TopicEntry, spec: GroupSpec, deadLetterTopic: number, joined: boolean): Promise<GroupEntry> {
    const group = this.#catalog.addGroup(topic, spec, deadLetterTopic, joined)
    await this.#placeGroup(topic, group, (api, place) => api.openGroup(place))
    return group
  }

  async #placeGroup(
    topic: TopicEntry,
    group: GroupEntry,
    place: (api: Calls<PartitionHostApi>, place: GroupPlace) => Promise<void>,
  ): Promise<void> {
    await this.#hosts.all(async (api, host) => {
      await Promise.all(
        group.places.filter(({ partition }) => topic.places[partition]?.host === host).map(each => place(api, each)),
      )
    })
  }

  async #deadLetterTopic(source: TopicEntry, name: string): Promise<TopicEntry> {
    checkName('topic', name)
    const { partitions, codec, maxMessageBytes } = source.shape
    if (name === source.shape.name)
      throw new MillraceError('MILL_INVALID_OPTION', `topic ${name} cannot be its own dead-letter topic`)
    const known = this.#catalog.topicsByName.get(name)
    const needed = maxMessageBytes + DEAD_LETTER_EXTRA_BYTES
    if (known === undefined) {
      const window = powerOfTwo(2 * needed)
      return this.#makeTopic(name, {
        partitions,
        codec,
        maxMessageBytes: needed,
        windowBytes: window,
        onFull: 'wait',
        deadLetters: true,
      })
    }
    if (known.shape.windowBytes < 2 * needed) {
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `topic ${name} is too small for dead letters of ${source.shape.name}: its windowBytes must be at least ${2 * needed}`,
      )
    }
    const hosts = this.#catalog.hosts.length
    if (source.places.some(place => (place.partition % known.shape.partitions) % hosts !== place.host)) {
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `topic ${name} must have as many partitions as ${source.shape.name} (${partitions}) to take its dead letters`,
      )
    }
    return known
  }

  #coordinator(group: GroupEntry): GroupCoordinator {
    let coordinator = this.#coordinators.get(group)
    if (coordinator === undefined) {
      coordinator = new GroupCoordinator(this.#catalog, this.#hosts, this.#topic(group.spec.topic), group)
      this.#coordinators.set(group, coordinator)
    }
    return coordinator
  }

  async startRun(spec: RunSpec): Promise<{ readonly run: number; readonly shape: RunShape }> {
    const group = await this.#serially(async () => {
      this.#checkOpen()
      if (spec.output !== null && !this.#catalog.topicsByName.has(spec.output)) {
        throw new MillraceError(
          'MILL_INVALID_OPTION',
          `there is no topic ${spec.output} for the output; open it with broker.topic first`,
        )
      }
      return this.#makeGroup(spec)
    })
    const run = this.#catalog.nextId()
    const { shape: topic } = this.#topic(spec.topic)
    const shape: RunShape = {
      run,
      topic,
      group: spec.group,
      handlerTimeoutMs: spec.handlerTimeoutMs,
      output: spec.output,
    }
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
            clientGone: (client, exited) => this.#clientGone(client, exited),
            gaveUp: error => void this.#runFailed(run, error),
          })
    this.#runs.set(run, { id: run, spec, shape, coordinator, handlers, stopping: false })
    try {
      await handlers?.start()
    } catch (error) {
      this.#runs.delete(run)
      throw error
    }
    return { run, shape }
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
    await entry.coordinator.up(`${run}`, {
      run,
      client: this.#owner,
      api: this.#ownerMembers,
      confirms: entry.spec.confirms,
      refused,
    })
  }

  #run(run: number): RunEntry {
    const entry = this.#runs.get(run)
    if (entry === undefined) throw new MillraceError('MILL_CLOSED', 'the run has stopped')
    return entry
  }

  async #runFailed(run: number, error: Error): Promise<void> {
    const entry = this.#runs.get(run)
    if (entry === undefined || entry.stopping) return
    entry.stopping = true
    entry.handlers?.retire()
    await entry.handlers?.end(0)
    await entry.coordinator.leave(this.#memberIds(entry), false)
    this.#runs.delete(run)
    this.#tell({ kind: 'runFailed', run, error: toWire(error) })
  }

  #memberIds(entry: RunEntry): readonly string[] {
    return entry.handlers === null ? [`${entry.id}`] : entry.handlers.memberIds
  }

  async stopRun(run: number, timeoutMs: number): Promise<readonly unknown[]> {
    const entry = this.#runs.get(run)
    if (entry === undefined || entry.stopping) return []
    entry.stopping = true
    entry.handlers?.retire()
    let late = false
    const timer = setTimeout(() => {
      late = true
      void entry.handlers?.end(0)
    }, timeoutMs)
    const results = await entry.coordinator.leave(this.#memberIds(entry), true)
    clearTimeout(timer)
    await entry.handlers?.end(Math.min(timeoutMs, 2_000))
    this.#runs.delete(run)
    if (late) {
      throw new MillraceError(
        'MILL_TIMEOUT',
        `group ${entry.spec.group} did not stop within ${timeoutMs} ms: its threads were ended, and what they had not finished will be delivered again`,
      )
    }
    return results.map(result => result.result)
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
    const until = performance.now() + timeoutMs
    const left: string[] = []
    await Promise.all(
      [...this.#runs.values()].map(async entry => {
        try {
          await this.stopRun(entry.id, Math.max(1, until - performance.now()))
        } catch (error) {
          left.push((error as Error).message)
        }
      }),
    )
    clearTimeout(this.#watchdog)
    await this.#hosts.close()
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

function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes))
}

function checkSame(what: string, known: TopicShape, options: TopicSettings, given: readonly string[]): void {
  for (const name of ['partitions', 'codec', 'maxMessageBytes', 'windowBytes', 'onFull'] as const) {
    if (!given.includes(name) || known[name] === options[name]) continue
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `${what} exists with ${name} ${known[name]}, not ${options[name]}; leave the option out, or use another name`,
    )
  }
}

function checkSamePolicy({ spec: known, joined }: GroupEntry, spec: GroupSpec): void {
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ['attempts', known.policy.attempts, spec.policy.attempts],
    ['backoff', JSON.stringify(known.policy), JSON.stringify({ ...spec.policy, attempts: known.policy.attempts })],
    ['deadLetter', known.deadLetter, spec.deadLetter],
    ['from', known.from, spec.from],
  ]
  // Of a group that was only named, all that is settled is where it starts.
  for (const [name, has, wants] of joined ? fixed : fixed.slice(-1)) {
    if (!spec.given.includes(name) || has === wants) continue
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `group ${spec.group} exists with another ${name}; give the same options, or delete the group first`,
    )
  }
}

/** What the main thread hands over when it starts this one. */
interface ControlStart {
  readonly boot: ControlBoot
  readonly api: MessagePort
  readonly members: MessagePort
  readonly notices: MessagePort
}

setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
const { boot, api, members, notices } = workerData as ControlStart
const remote = connect<MemberApi>(members, { name: 'the main thread', lost: new Promise(() => undefined) })
// A blocked main thread is no reason to give its members up.
const control = new ControlThread(boot, remote.withDeadline(2 ** 31 - 1), notice => notices.postMessage(notice))
serve(api, control)
control.ready().then(
  () => notices.postMessage({ kind: 'ready', place: control.ownerPlace } satisfies BrokerNotice),
  (error: unknown) => notices.postMessage({ kind: 'brokerFailed', error: toWire(error) } satisfies BrokerNotice),
)
