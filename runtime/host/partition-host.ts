/**
 * The thread that owns partitions and groups: its loop, and the calls that the control thread makes.
 *
 * Runs on a partition host; never runs user code. One pass of the loop takes settlements, drains rings, brings what topics
 * on disk took to that disk, and tends groups; when a pass finds nothing the thread sleeps by `waitAsync`, armed before a last look. It yields to its event
 * loop every few milliseconds, so control calls are answered under load.
 */
import type { MessagePort } from 'node:worker_threads'
import { Doorbell, type Memory, RingConsumer } from 'sharedarraybuffer-ring'
import type { BehaviourContext } from '../../actors/boot.ts'
import { serve, transfer } from '../../actors/control-port.ts'
import { setErrorWire } from '../../actors/error-wire.ts'
import { nowMs, setImmediate, viewMemory, wallMs } from '../../actors/world.ts'
import type { LetterIndex } from '../dead-letters/letter-index.ts'
import { GroupActor } from '../group/group-actor.ts'
import { HostLink } from '../link/host-link.ts'
import { openDisk } from '../log/disk/world-disk.ts'
import { GoneRings } from '../partition/gone-rings.ts'
import { IncomingRing } from '../partition/incoming-ring.ts'
import { PartitionActor } from '../partition/partition-actor.ts'
import { offsetAt } from '../partition/seek.ts'
import type { StoredWindow } from '../partition/stored-window.ts'
import { WindowLoans } from '../partition/window-loans.ts'
import type {
  HostHoldings,
  HostNotice,
  LetterIndexPlace,
  LinkedThread,
  PartitionHostApi,
  PartitionHostBoot,
  SlotCrash,
} from '../wire/host-calls.ts'
import { FAULT_ARMED, FAULT_POINT, FAULT_REACHED, HOST_BELL, HOST_WANTS } from '../wire/layout.ts'
import type { LetterCursor, LetterMark, LetterPage } from '../wire/letter-calls.ts'
import type {
  GroupPlace,
  HeldWindow,
  PartitionPlace,
  SlotPlace,
  StartAt,
  TopicShape,
  WindowOffer,
} from '../wire/places.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import type { GroupReport, HostPartitionStats } from '../wire/reports.ts'
import type { StartPosition } from '../wire/start-position.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { fromWire, toWire } from '../words/errors.ts'
import { HostNews } from './host-news.ts'
import { HostStore } from './host-store.ts'
import { IdleWaits } from './idle-waits.ts'

/** Longest time without yielding to the event loop. */
const YIELD_MS = 5
/** A ringer can die before it rings: the control thread then wakes all, and no sleep is longer than this. */
const SLEEP_MS = 5_000
/** Below this much new work the thread sleeps until it is rung, and a lone publish is answered at once. */
const NAP_FROM_BYTES = 16_384
/** A nap takes about a tenth of a millisecond longer than asked for, and costs less than the wake-ups that it saves. */
const NAP_MS = 0.25

class PartitionHost implements PartitionHostApi {
  readonly #memory: Memory
  readonly #boot: PartitionHostBoot
  readonly #bell: Doorbell
  readonly #tell: (notice: HostNotice) => void
  readonly #links = new Map<number, HostLink>()
  /** Threads whose thread has ended and whose rings are not drained yet. */
  readonly #leaving = new Set<HostLink>()
  /** By topic, then by partition. */
  readonly #topics = new Map<number, Map<number, PartitionActor>>()
  #partitions: PartitionActor[] = []
  readonly #groups = new Map<number, GroupActor>()
  /** Partitions that take dead letters. */
  #withLetters: PartitionActor[] = []
  readonly #gone = new GoneRings()
  readonly #idle = new IdleWaits(group => this.#groups.get(group.place.cursor) === group)
  readonly #news: HostNews
  readonly #windows: WindowLoans
  #stopped = false
  /** Null: the broker keeps nothing on disk. */
  #store: HostStore | null = null
  /** Bytes taken by all partitions since it last considered a nap. */
  #takenBytes = 0
  /** Whether some partition left frames behind for want of room in the last pass. */
  #isFull = false
  /** Those in memory, which alone may drop records. */
  #inMemory: PartitionActor[] = []

  constructor(boot: PartitionHostBoot, tell: (notice: HostNotice) => void) {
    this.#boot = boot
    this.#memory = viewMemory(boot.memory)
    this.#bell = new Doorbell(this.#memory, boot.address + HOST_BELL)
    this.#tell = tell
    this.#news = new HostNews(tell)
    this.#windows = new WindowLoans(boot.tuning.lookMs, tell)
  }

  async run(): Promise<void> {
    let lastYield = nowMs()
    while (!this.#stopped) {
      if (this.#pass() || this.#nap()) {
        if (nowMs() - lastYield < YIELD_MS) continue
        await new Promise(setImmediate)
      } else await this.#sleep()
      lastYield = nowMs()
    }
  }

  /** Under load, waits a moment for more instead of having itself woken for every frame; whether it did. */
  #nap(): boolean {
    const taken = this.#takenBytes
    this.#takenBytes = 0
    if (taken < NAP_FROM_BYTES) return false
    this.#bell.nap(NAP_MS)
    return true
  }

  async #sleep(): Promise<void> {
    const wants = this.#boot.address + HOST_WANTS
    this.#memory.store(wants, this.#waitsForCommits() ? 1 : 0)
    this.#bell.arm()
    if (this.#hasWork()) {
      this.#bell.disarm()
      await new Promise(setImmediate)
      return
    }
    const rung = this.#bell.waitAsync(this.#sleepMs())
    if (rung === null) await new Promise(setImmediate)
    else await rung
  }

  #sleepMs(): number {
    let ms = this.#store === null ? SLEEP_MS : this.#store.sleepMs(this.#groups.values())
    for (const group of this.#groups.values()) ms = Math.min(ms, Math.ceil(group.letters.stallsInMs))
    const now = nowMs()
    for (const { drops } of this.#inMemory) ms = Math.min(ms, Math.ceil(drops.dueInMs(now)))
    return Math.min(ms, Math.ceil(this.#news.failures.dueInMs(now)), Math.ceil(this.#windows.dueInMs(now)))
  }

  #pass(): boolean {
    let worked = false
    for (const link of this.#links.values()) if (this.#takeSettlements(link)) worked = true
    this.#isFull = false
    for (const partition of this.#partitions) {
      if (partition.drain()) worked = true
      if (partition.full) this.#isFull = true
    }
    if (this.#gone.tend(ring => this.#tell({ kind: 'ringDrained', ring: ring.id }))) worked = true
    this.#store?.commit(this.#partitions)
    for (const group of this.#groups.values()) if (group.tend()) worked = true
    if (this.#store?.raiseCeilings(this.#groups.values()) === true) worked = true
    this.#news.tellStalls(this.#groups.values())
    this.#idle.settle()
    if (this.#news.hasDeadLetters) {
      // A group must not be asked about a dead letter again by whoever opens it next.
      this.#store?.sweep(this.#groups.values())
      this.#news.tellDeadLetters()
    }
    const now = nowMs()
    this.#store?.tend(this.#groups.values(), this.#withLetters, { nowMs: now, wallMs: wallMs() })
    this.#windows.tend(now)
    if (this.#withLetters.length > 0) this.#news.tellDepths(this.#withLetters)
    this.#news.tellCounted(this.#inMemory)
    if (this.#leaving.size > 0) this.#tellDrained()
    return worked
  }

  #hasWork(): boolean {
    for (const link of this.#links.values()) if (link.hasSettlements()) return true
    for (const partition of this.#partitions) if (partition.ready()) return true
    if (this.#gone.ready()) return true
    for (const group of this.#groups.values()) if (group.isLow) return true
    return this.#idle.isDue
  }

  #waitsForCommits(): boolean {
    if (!this.#idle.isEmpty || this.#isFull) return true
    for (const group of this.#groups.values()) if (group.waits) return true
    return false
  }

  #takeSettlements(link: HostLink): boolean {
    return link.settlements(settlement => {
      const answered = this.#groups.get(settlement.cursor)?.settle(settlement) ?? true
      this.#fault(FAULT_POINT.betweenVerdictAndRelease)
      return answered
    })
  }

  #tellDrained(): void {
    for (const link of this.#leaving) {
      if (this.#gone.hasRingsOf(link) || this.#partitions.some(partition => partition.hasRingsOf(link))) continue
      this.#leaving.delete(link)
      this.#links.delete(link.thread)
      this.#tell({ kind: 'drained', thread: link.thread })
    }
  }

  #fault(point: number): void {
    const armed = this.#boot.fault + FAULT_ARMED
    if (this.#memory.i32[armed >> 2] !== point) return
    this.#memory.store(this.#boot.fault + FAULT_REACHED, point)
    this.#memory.wait(armed, point, 60_000)
  }

  #link(thread: number): HostLink {
    const link = this.#links.get(thread)
    if (link === undefined) throw new Error(`broken invariant: thread ${thread} has no link`)
    return link
  }

  #partition(topic: number, partition: number): PartitionActor {
    const actor = this.#topics.get(topic)?.get(partition)
    if (actor === undefined) throw new Error(`broken invariant: topic ${topic} partition ${partition} is not here`)
    return actor
  }

  /** A control call changed what there is to do: the loop looks. */
  #wake(): void {
    this.#bell.ring()
  }

  /** Groups and slots before rings, so that nothing is appended before what gates it is known. */
  restore({ threads, partitions, windows, letterIndexes, groups, slots, rings, leaving }: HostHoldings): void {
    const { store, host } = this.#boot
    if (store !== null)
      this.#store = new HostStore(store, host, partitions, {
        disk: openDisk(store.modes),
        failed: error => this.#tell({ kind: 'diskFailed', error: toWire(error) }),
        cut: cuts => {
          if (cuts.length > 0) this.#tell({ kind: 'recovered', cuts })
        },
        fault: point => this.#fault(point),
      })
    for (const thread of threads) this.addThread(thread)
    for (const { place, topic } of partitions) this.#makePartition(place, topic)
    for (const letterIndex of letterIndexes) this.addLetterIndex(letterIndex)
    for (const group of groups) this.openGroup(group)
    for (const slot of slots) this.openSlot(slot)
    for (const { place, topic, thread, after } of rings) this.addRing(place, topic, thread, after)
    // Rings find in their window what they are still owed, and it may move now.
    for (const window of windows) this.#storedWindow(window)?.restore(window)
    for (const thread of leaving) this.removeThread(thread)
  }

  addThread({ thread, bell, link }: LinkedThread): void {
    if (!this.#links.has(thread)) this.#links.set(thread, new HostLink(this.#memory, thread, bell, link))
  }

  removeThread(thread: number): void {
    const link = this.#links.get(thread)
    if (link === undefined) {
      this.#tell({ kind: 'drained', thread })
      return
    }
    link.abandon()
    for (const partition of this.#partitions) partition.orphan(link)
    this.#gone.orphan(link)
    this.#leaving.add(link)
    this.#tellDrained()
    this.#wake()
  }

  addPartition(place: PartitionPlace, topic: TopicShape, cursors: readonly number[]): number | null {
    const actor = this.#topics.get(topic.id)?.get(place.partition) ?? this.#makePartition(place, topic)
    if (!actor.isOnDisk) return null
    const end = actor.highWatermark
    this.#store?.cutGroups(cursors, end)
    return end
  }

  #makePartition(place: PartitionPlace, topic: TopicShape): PartitionActor {
    const partitions = this.#topics.get(topic.id) ?? new Map<number, PartitionActor>()
    this.#topics.set(topic.id, partitions)
    const actor = new PartitionActor(this.#memory, place, topic, {
      fault: point => this.#fault(point),
      ringDrained: ring => this.#tell({ kind: 'ringDrained', ring: ring.id }),
      took: bytes => {
        this.#takenBytes += bytes
      },
      log: this.#store?.open(place, topic) ?? null,
      windows: this.#windows,
    })
    partitions.set(place.partition, actor)
    this.#partitions.push(actor)
    if (!actor.isOnDisk) this.#inMemory.push(actor)
    return actor
  }

  dropTopic(topic: number, gone: { readonly partitions: number; readonly cursors: readonly number[] } | null): void {
    for (const { place } of this.#groups.values()) if (place.topic === topic) this.#closeGroup(place.cursor)
    for (const actor of this.#topics.get(topic)?.values() ?? []) {
      if (gone === null) this.#store?.drop(topic, actor.partition)
      this.#windows.forget(actor.stored)
      for (const ring of actor.giveUpRings()) this.#gone.add(topic, ring)
    }
    if (gone !== null) {
      const partitions = Array.from({ length: gone.partitions }, (_, partition) => partition)
      this.#store?.forget(topic, partitions, gone.cursors)
    }
    this.#topics.delete(topic)
    this.#partitions = this.#partitions.filter(actor => actor.topic.id !== topic)
    this.#inMemory = this.#inMemory.filter(actor => actor.topic.id !== topic)
    this.#withLetters = this.#withLetters.filter(actor => actor.topic.id !== topic)
    this.#wake()
  }

  dropPartitions(topic: number, from: number): void {
    const isAdded = (actor: PartitionActor): boolean => actor.topic.id === topic && actor.partition >= from
    const cursors: number[] = []
    for (const { place, partition } of this.#groups.values()) if (isAdded(partition)) cursors.push(place.cursor)
    for (const cursor of cursors) this.#closeGroup(cursor)
    const partitions = this.#partitions.filter(isAdded).map(({ partition }) => partition)
    this.#store?.forgetPartitions(topic, partitions, cursors)
    for (const partition of partitions) this.#topics.get(topic)?.delete(partition)
    this.#partitions = this.#partitions.filter(actor => !isAdded(actor))
    this.#withLetters = this.#withLetters.filter(actor => !isAdded(actor))
  }

  addLetterIndex({ topic, partition, address, readers }: LetterIndexPlace): void {
    const actor = this.#partition(topic, partition)
    if (actor.letterIndex !== null) return
    for (const cursor of readers) this.#addReader(actor, cursor)
    actor.takeDeadLetters(address)
    this.#withLetters.push(actor)
  }

  /** A group that nobody may open in this process: what it has not read still waits for it. */
  #addReader({ groups }: PartitionActor, cursor: number): void {
    const kept = this.#store?.states.get(cursor)
    if (kept !== undefined && !groups.has(cursor)) groups.set(cursor, { committed: () => kept.committed })
  }

  /** What a caller asks for may be gone by now. @throws MillraceError MILL_TOPIC_DELETED */
  #asked(topic: number, partition: number): PartitionActor {
    const actor = this.#topics.get(topic)?.get(partition)
    if (actor === undefined) throw deletedTopic(null)
    return actor
  }

  #letterIndex(topic: number, partition: number): LetterIndex {
    const { letterIndex } = this.#asked(topic, partition)
    if (letterIndex === null)
      throw new Error(`broken invariant: topic ${topic} partition ${partition} takes no dead letters`)
    return letterIndex
  }

  readLetters(topic: number, partition: number, cursor: LetterCursor): LetterPage {
    const page = this.#letterIndex(topic, partition).page(cursor)
    return transfer(page, [page.frames.buffer as ArrayBuffer])
  }

  settleLetters(topic: number, partition: number, letters: readonly LetterMark[]): void {
    this.#letterIndex(topic, partition).settle(letters)
    // What has no room for its dead letter may have some now.
    this.#wake()
  }

  addRing(place: RingPlace, topic: number, thread: number, after: number): void {
    const partition = this.#topics.get(topic)?.get(place.partition)
    const link = this.#link(thread)
    const consumer = new RingConsumer(this.#memory, place.address, place.capacity)
    const before = after !== 0 && partition?.ringOf(after) !== undefined ? after : 0
    const ring = new IncomingRing(place.ring, consumer, link, before, this.#leaving.has(link))
    // Its topic was deleted before the ring was made, or before this thread was started in place of another.
    if (partition === undefined) this.#gone.add(topic, ring)
    else partition.addRing(ring)
    this.#wake()
  }

  openGroup(place: GroupPlace): void {
    if (this.#groups.has(place.cursor)) return
    const partition = this.#partition(place.topic, place.partition)
    const { deadLetterTopic, deadLetterPartition } = place
    const deadLetters = deadLetterTopic === -1 ? null : this.#partition(deadLetterTopic, deadLetterPartition)
    const group = new GroupActor(this.#memory, place, partition, deadLetters, {
      deadLettered: event => this.#news.deadLettered(event),
      attemptFailed: (failure, error) => this.#news.failures.failed(place, failure, error),
      fault: point => this.#fault(point),
      kept: this.#store?.keptOf(place.cursor, deadLetters?.highWatermark ?? Number.POSITIVE_INFINITY),
    })
    this.#groups.set(place.cursor, group)
    this.#store?.opened(group)
    this.#news.tellPassedOver(group)
  }

  reopenGroup(place: GroupPlace): void {
    this.#closeGroup(place.cursor)
    this.openGroup(place)
  }

  #closeGroup(cursor: number): void {
    this.#groups.get(cursor)?.close()
    this.#groups.delete(cursor)
  }

  deleteGroup(cursor: number): void {
    // Letters that it has read are settled with that; on disk they are looked for ten times a second only.
    const letterIndex = this.#groups.get(cursor)?.partition.letterIndex
    if (this.#store === null) letterIndex?.countRead()
    else this.#store.attempt(() => letterIndex?.countRead())
    this.#closeGroup(cursor)
    this.#store?.attempt(() => this.#store?.states.forget(cursor))
    this.#wake()
  }

  openSlot(slot: SlotPlace): StartAt {
    const group = this.#groups.get(slot.cursor)
    if (group === undefined) throw new Error(`broken invariant: cursor ${slot.cursor} has no group`)
    this.#wake()
    return group.openSlot(slot, this.#link(slot.thread))
  }

  closeSlot(cursor: number, epoch: number, crash: SlotCrash | null): void {
    const group = this.#groups.get(cursor)
    if (group === undefined) return
    // What the reader said before it ended counts.
    for (const link of this.#links.values()) this.#takeSettlements(link)
    group.closeSlot(epoch, crash)
    this.#wake()
  }

  offsetAt(topic: number, partition: number, place: StartPosition): { readonly from: number; readonly to: number } {
    const actor = this.#asked(topic, partition)
    return { from: offsetAt(actor, place), to: actor.highWatermark }
  }

  seekGroup(cursor: number, place: StartPosition): void {
    const group = this.#groups.get(cursor)
    if (group === undefined) throw new Error(`broken invariant: cursor ${cursor} has no group`)
    group.seek(offsetAt(group.partition, place))
    this.#store?.moved(group)
    this.#wake()
  }

  lastSequence(topic: number, partition: number, producer: number, from: number): number | null {
    const { records, highWatermark } = this.#asked(topic, partition)
    // A loss of power may have taken what it was known to have, where that was promised less: then all of it is looked at.
    return records.lastSequence(producer, from < highWatermark ? from : 0, highWatermark)
  }

  /** Of a topic that was deleted meanwhile: null. */
  #storedWindow({ topic, partition }: Pick<HeldWindow, 'topic' | 'partition'>): StoredWindow | null {
    return this.#topics.get(topic)?.get(partition)?.stored ?? null
  }

  offerWindow(topic: number, partition: number, offer: WindowOffer): void {
    this.#storedWindow({ topic, partition })?.offer(offer)
  }

  recallWindows(windows: readonly Pick<HeldWindow, 'topic' | 'partition'>[]): void {
    for (const window of windows) this.#storedWindow(window)?.recall()
  }

  partitionStats(topic: number): readonly HostPartitionStats[] {
    return [...(this.#topics.get(topic)?.values() ?? [])].map(partition => partition.stats())
  }

  groupReports(cursors: readonly number[]): readonly GroupReport[] {
    return cursors.flatMap(cursor => {
      const report = this.#groups.get(cursor)?.report()
      if (report === undefined) return []
      // Also where its letters went before it was given another topic for them, or anybody joined it.
      const depths = this.#withLetters.map(({ letterIndex }) => letterIndex?.depthOf(cursor) ?? 0)
      return { ...report, deadLetterDepth: depths.reduce((sum, depth) => sum + depth, 0) }
    })
  }

  idle(cursors: readonly number[]): Promise<void> {
    const groups = cursors.flatMap(cursor => this.#groups.get(cursor) ?? [])
    const settled = this.#idle.add(groups)
    this.#wake()
    this.#idle.settle()
    return settled
  }

  stop(): void {
    this.#stopped = true
    this.#store?.close(this.#groups.values())
    this.#wake()
  }
}

/** Entry of the thread; ends when the control thread says `stop`. */
export async function behave({ data, port }: BehaviourContext): Promise<void> {
  setErrorWire({ toWire, fromWire: wire => fromWire(wire as Parameters<typeof fromWire>[0]) })
  const { notices, boot } = data as { readonly notices: MessagePort; readonly boot: PartitionHostBoot }
  const host = new PartitionHost(boot, notice => notices.postMessage(notice))
  const stopServing = serve(port, host)
  try {
    await host.run()
  } finally {
    stopServing()
    notices.close()
  }
}
