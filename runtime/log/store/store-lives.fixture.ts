/**
 * Lives of a process with a log store for each partition host: what it does, and at which operation of the disk it ends.
 *
 * Between two lives the power is lost, or the process alone. What the next one finds is judged against an oracle, whose
 * rules are those of the store: what was acknowledged is there (U1), what is there was written (U2), and recovering again,
 * or after a recovery that was itself ended, gives no less (U3). A life may end while it recovers, so cuts come in pairs.
 *
 * Frames of some commits belong together: they are in all of their logs, or in none (joint-oracle.fixture.ts).
 *
 * Some of the logs are those of work queues, whose messages are settled in a file of the first host (settled-oracle.fixture.ts). Logs and that file
 * lose their ends apart from each other.
 */
import { Chance } from '../../proof/sim/chance.ts'
import { Cut, type DiskOperation, SimDisk } from '../../proof/sim/sim-disk.ts'
import { MortalDisk, ThreadDeath } from '../disk/mortal-disk.fixture.ts'
import { recoverStore } from '../folder/recover-store.ts'
import { JointPasses } from './joint-oracle.fixture.ts'
import { LogStore } from './log-store.ts'
import type { StoreEntry } from './log-store-types.ts'
import { SettledLives } from './settled-oracle.fixture.ts'
import { PartitionOracle } from './store-oracle.fixture.ts'
import type { StoredPartition } from './stored-partition.ts'
import type { StoredTopic } from './stored-topic.ts'

export const STORE_FOLDER = '/data'
export const STORE_LOG_ID: Buffer = Buffer.from('0123456789abcdef')

export const ACTS = ['append', 'handle', 'tend', 'settle', 'truncate', 'reopen', 'die', 'fail'] as const

/** One thing that a process does; what the numbers mean depends on it. */
export interface StoreAct {
  readonly do: (typeof ACTS)[number]
  readonly where: number
  readonly size: number
}

export interface StoreLife {
  readonly hosts: number
  readonly journalBytes: number
  readonly acts: readonly StoreAct[]
  /** The operation that changes something at which it ends, from 0; it ends after its last act at the latest. */
  readonly cutAt: number
  /** Bytes of a write that are done before it ends in it. */
  readonly writtenBytes: number
  readonly how: 'power' | 'crash'
  /** Which operation of its first host fails, from 0 and with the start; the next is opened on a disk that is well. */
  readonly failAt?: number
  readonly seed: number
}

const READING: readonly DiskOperation[] = ['read', 'size', 'list', 'close']

function topicOf(
  topic: number,
  durability: 'os' | 'fsync',
  bytesMax: number | null,
  ageMaxMs: number | null,
): StoredTopic {
  return { topic, durability, segmentBytes: 4096, frameBytesMax: 2048, retention: { bytesMax, ageMaxMs } }
}

const TOPICS: ReadonlyMap<number, StoredTopic & { readonly partitions: number }> = new Map(
  [
    { ...topicOf(1, 'fsync', null, null), partitions: 2 },
    { ...topicOf(2, 'os', null, null), partitions: 1 },
    { ...topicOf(3, 'fsync', 9000, null), partitions: 1 },
    { ...topicOf(4, 'os', null, 3000), partitions: 1 },
    { ...topicOf(5, 'fsync', null, null), partitions: 1 },
  ].map(topic => [topic.topic, topic]),
)
/** Made when something is first appended to it. */
const LATE = 5
/** The first partitions, as far as nothing is removed from them. */
const QUEUES = 3

interface Host {
  readonly disk: MortalDisk
  readonly store: LogStore
}

export class StoreLives {
  readonly #disk = new SimDisk()
  readonly #oracles: PartitionOracle[] = []
  readonly #settled = new SettledLives()
  readonly joint: JointPasses = new JointPasses()
  #hosts: Host[] = []
  /** How many hosts there were, when any was last opened. */
  #lastHosts = 0
  #isLateThere = false
  #nowMs = 1_000_000
  #appends = 0
  #isWatching = false
  #isRecovering = false
  /** How often a life ended at an operation of a kind, `recovery:` in front of it where it was recovering. */
  readonly cuts: Map<string, number> = new Map()
  /** How many lives ended while they recovered from the end of another. */
  doubleCuts = 0
  deaths = 0
  /** Operations that failed, each of which ended a store. */
  failures = 0
  recoveries = 0

  constructor() {
    for (const topic of TOPICS.values())
      for (let partition = 0; partition < topic.partitions; partition++)
        this.#oracles.push(new PartitionOracle(topic, partition))
  }

  /** Lives one life, and lets it end. Throws where what it found breaks a rule. */
  live(life: StoreLife): void {
    let left = life.cutAt
    this.#disk.before = (_, operation) => {
      if (!this.#isWatching || READING.includes(operation) || left-- > 0) return
      this.#count(operation)
      throw new Cut(life.writtenBytes)
    }
    try {
      this.#start(life)
      for (const act of life.acts) this.#survive(life, () => this.#do(life, act))
      this.#count('after')
    } catch (error) {
      if (!(error instanceof Cut)) throw error
    }
    this.#isWatching = false
    this.#hosts = []
    if (life.how === 'crash') this.#disk.crash()
    else {
      this.#disk.powerCut(new Chance(life.seed))
      for (const oracle of this.#oracles) oracle.losePower()
      this.#settled.losePower()
      this.joint.losePower()
    }
  }

  #count(operation: string): void {
    const kind = this.#isRecovering ? `recovery:${operation}` : operation
    if (this.#isRecovering) this.doubleCuts++
    this.cuts.set(kind, (this.cuts.get(kind) ?? 0) + 1)
  }

  #start(life: StoreLife): void {
    this.#isWatching = true
    this.#isRecovering = true
    const { failAt = Number.POSITIVE_INFINITY } = life
    if (life.hosts !== this.#lastHosts || life.seed % 5 === 0)
      this.#despite(failAt, disk => recoverStore(disk, STORE_FOLDER, STORE_LOG_ID, TOPICS, () => undefined))
    this.#lastHosts = life.hosts
    this.#hosts[0] = this.#despite(failAt, disk => this.#open(life, 0, disk))
    for (let host = 1; host < life.hosts; host++) this.#hosts[host] = this.#open(life, host)
    this.joint.judge((topic, partition) => this.#endOf(life, topic, partition))
    this.#openQueues(life)
    this.#isRecovering = false
  }

  /** Does something on a disk that may fail once, and then again on one that is well. */
  #despite<T>(failAt: number, act: (disk: MortalDisk) => T): T {
    const disk = new MortalDisk(this.#disk)
    disk.failIn = failAt
    disk.errno = failAt % 2 === 0 ? 'EIO' : 'ENOSPC'
    try {
      return act(disk)
    } catch (error) {
      this.#expectFailure(disk, error)
      return act(new MortalDisk(this.#disk))
    }
  }

  /** An operation that failed is told as what it was. */
  #expectFailure(disk: MortalDisk, error: unknown): void {
    if (!disk.failures.has(error)) throw error
    disk.isDead = true
    this.failures++
  }

  #open({ hosts, journalBytes }: StoreLife, host: number, disk: MortalDisk = new MortalDisk(this.#disk)): Host {
    const mine = this.#oracles.filter((oracle, at) => at % hosts === host && this.#isThere(oracle))
    const store = LogStore.open(disk, STORE_FOLDER, host, STORE_LOG_ID, mine, { journalBytes })
    if (host === 0) this.#settled.open(disk, STORE_FOLDER, STORE_LOG_ID)
    for (const oracle of mine) this.#settled.reopened(nameOf(oracle))
    this.#unwatched(() => {
      for (const oracle of mine) oracle.recovered(this.#disk, store.partition(oracle.topic, oracle.partition))
    })
    this.recoveries++
    return { disk, store }
  }

  #endOf(life: StoreLife, topic: number, partition: number): number {
    const at = this.#oracles.findIndex(oracle => oracle.topic.topic === topic && oracle.partition === partition)
    return this.#log(life, at).log.endOffset
  }

  #isThere({ topic }: PartitionOracle): boolean {
    return topic.topic !== LATE || this.#isLateThere
  }

  #unwatched(act: () => void): void {
    this.#isWatching = false
    act()
    this.#isWatching = true
  }

  /** Does something; a host that dies of it is followed by another. */
  #survive(life: StoreLife, act: () => void): void {
    try {
      act()
    } catch (error) {
      const failed = this.#hosts.find(({ disk }) => disk.failures.has(error))
      if (failed !== undefined) this.#expectFailure(failed.disk, error)
      else if (!(error instanceof ThreadDeath)) throw error
      const host = this.#hosts.findIndex(({ disk }) => disk.isDead)
      const committed = this.#oracles.map(({ acked }) => acked)
      if (failed === undefined) this.deaths++
      this.#isRecovering = true
      this.#hosts[host] = this.#open(life, host)
      this.#isRecovering = false
      this.joint.judge((topic, partition) => this.#endOf(life, topic, partition), host)
      // What was written and never committed is cut, mostly.
      for (const [at, oracle] of this.#oracles.entries())
        if (at % life.hosts === host && this.#isThere(oracle) && (life.seed + at) % 4 > 0)
          this.#truncate(life, at, committed[at] as number)
      this.#survive(life, () => this.#openQueues(life))
    }
  }

  /** What is settled of queues beyond the ends of their logs is forgotten, before anything is appended to them. */
  #openQueues(life: StoreLife): void {
    for (let at = 0; at < QUEUES; at++)
      this.#settled.openQueue(nameOf(this.#oracles[at] as PartitionOracle), this.#log(life, at).log)
  }

  /** Some messages of a queue are handled. */
  #handle(life: StoreLife, where: number, size: number): void {
    const at = where % 2 === 0 ? QUEUES - 1 : where % QUEUES
    const oracle = this.#oracles[at] as PartitionOracle
    // Mostly the newest ones: a loss of power may take those from the log, and not from the file of what is settled.
    const from = where < 8 ? 0 : where < 16 ? size % (oracle.acked + 1) : Math.max(0, oracle.acked - (size % 8))
    this.#settled.handle(nameOf(oracle), this.#log(life, at).log, from, Math.min(oracle.acked, from + (size % 5)))
  }

  #log(life: StoreLife, at: number): { readonly store: LogStore; readonly log: StoredPartition } {
    const { topic, partition } = this.#oracles[at] as PartitionOracle
    const { store } = this.#hosts[at % life.hosts] as Host
    return { store, log: store.partition(topic, partition) }
  }

  #do(life: StoreLife, { do: what, where, size }: StoreAct): void {
    if (what === 'append') this.#append(life, where, size)
    else if (what === 'handle') this.#handle(life, where, size)
    else if (what === 'settle') this.#disk.runLater(size % 4 === 0 ? undefined : size % 4)
    else if (what === 'tend') this.#tend(life, size)
    else if (what === 'truncate') {
      const at = where % this.#oracles.length
      // The log of a queue that is open is never cut.
      if (at < QUEUES || !this.#isThere(this.#oracles[at] as PartitionOracle)) return
      const { log } = this.#log(life, at)
      this.#truncate(life, at, Math.max(log.startOffset, log.endOffset - (size % 8)))
    } else if (what === 'reopen') {
      const host = where % life.hosts
      const { store } = this.#hosts[host] as Host
      if (host === 0) this.#settled.close()
      store.close()
      this.#hosts[host] = this.#open(life, host)
      this.#openQueues(life)
    } else {
      const { disk } = this.#hosts[where % life.hosts] as Host
      if (what === 'die') disk.fuse = size % 30
      else {
        disk.failIn = size % 30
        disk.errno = size % 2 === 0 ? 'EIO' : 'ENOSPC'
      }
    }
    this.#learnMarks(life)
  }

  /** One group commit on each host that has any of these partitions. */
  #append(life: StoreLife, where: number, size: number): void {
    const entries: StoreEntry[][] = this.#hosts.map(() => [])
    const chosen: [oracle: PartitionOracle, end: number, host: number][] = []
    for (const [at, oracle] of this.#oracles.entries()) {
      if ((where & (1 << at)) === 0) continue
      if (oracle.topic.topic === LATE) this.#isLateThere = true
      const { log } = this.#log(life, at)
      const frames = size % 11 === 0 ? 4 : 1
      const entry = oracle.entry(
        log,
        1 + (size % 3),
        1 + ((size * (at + 1)) % 600),
        this.#nowMs + this.#appends++,
        frames,
      )
      entries[at % life.hosts]?.push(entry)
      chosen.push([oracle, entry.endOffset, at % life.hosts])
    }
    for (const [host, own] of entries.entries()) {
      // Of every other commit all frames belong together.
      const together = size % 2 === 0 ? own : []
      this.joint.begins(host, together)
      if (own.length > 0) this.#hosts[host]?.store.append(own, together)
      this.joint.ended(host)
      for (const [oracle, end, whose] of chosen) if (whose === host) oracle.acknowledge(end)
    }
  }

  #tend(life: StoreLife, size: number): void {
    this.#nowMs += (size % 4) * 700
    for (const [at, oracle] of this.#oracles.entries())
      if (this.#isThere(oracle)) oracle.mayStartUpTo(this.#log(life, at).log.endOffset)
    for (const { store } of this.#hosts) store.tend(this.#nowMs)
    this.#settled.tend(size % 3 === 0)
    for (const [at, oracle] of this.#oracles.entries())
      if (this.#isThere(oracle)) oracle.startsAt(this.#log(life, at).log.startOffset)
  }

  #truncate(life: StoreLife, at: number, endOffset: number): void {
    const oracle = this.#oracles[at] as PartitionOracle
    const { store, log } = this.#log(life, at)
    // It may be cut within a frame, which then goes as a whole.
    oracle.giveUp(Math.max(0, endOffset - 3))
    const end = store.truncateTo(log, Math.max(endOffset, log.startOffset))
    oracle.endsAt(end)
    oracle.giveUp(end)
  }

  /** What the marks cover is durable at either level. */
  #learnMarks(life: StoreLife): void {
    for (const [at, oracle] of this.#oracles.entries()) {
      if (!this.#isThere(oracle)) continue
      oracle.durable = Math.max(oracle.durable, this.#log(life, at).log.syncedTo)
    }
  }
}

function nameOf({ topic, partition }: PartitionOracle): string {
  return `${topic.topic}-${partition}`
}

/** Lives by chance. */
export function lifeBy(chance: Chance): StoreLife {
  const acts = Array.from({ length: chance.below(80) }, () => {
    const what = chance.happens(0.6) ? 'append' : chance.pick(ACTS)
    return { do: what, where: chance.below(64), size: chance.below(1000) }
  })
  return {
    hosts: chance.happens(0.7) ? 2 : chance.between(1, 3),
    journalBytes: chance.happens(0.8) ? 4096 : chance.pick([8192, 12_288]),
    acts,
    cutAt: chance.happens(0.3) ? chance.below(70) : chance.below(900),
    writtenBytes: chance.happens(0.5) ? 0 : chance.below(4096),
    how: chance.happens(0.75) ? 'power' : 'crash',
    seed: chance.below(2 ** 31),
  }
}

/** Lives all of these on one disk, and then opens it for good. */
export function liveAll(lives: readonly StoreLife[]): StoreLives {
  const stores = new StoreLives()
  for (const one of lives) stores.live(one)
  stores.live({ hosts: 1, journalBytes: 4096, acts: [], cutAt: 1e9, writtenBytes: 0, how: 'crash', seed: 0 })
  return stores
}
