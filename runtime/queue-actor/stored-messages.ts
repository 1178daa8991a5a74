/**
 * Keeps the messages of a queue in its log on disk, and what has become of them in a file of its host.
 *
 * The partition host's thread. What a step decides is written down with the pass, in one write for all queues of the host. Only then are the
 * claims of what ended free, and is what was handed out visible. So a successor never finds less than a consumer has.
 *
 * After a failure of the disk the queue stands still: nothing is handed out, and what consumers say is not heard.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs, random } from '../../actors/world.ts'
import type { SettledChange } from '../log/format/settled-format.ts'
import type { LogReader } from '../log/read/log-reader.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { QueueFailure, QueuePolicy } from '../queue/queue-words.ts'
import type { KeptMessages, TakingQueue } from './kept-messages.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { StoredBlock } from './stored-block.ts'
import { StoredFacts } from './stored-facts.ts'
import { StoredIntake } from './stored-intake.ts'
import { storedCore } from './stored-rebuild.ts'
import { StoredSource } from './stored-source.ts'
import { WaitingScan } from './waiting-scan.ts'

export class StoredMessages implements KeptMessages {
  readonly defers = true
  readonly source: StoredSource
  readonly facts: StoredFacts
  readonly #partition: PartitionActor
  readonly #disk: PartitionDisk
  readonly #policy: QueuePolicy
  readonly #block: StoredBlock
  readonly #state: SettledState
  /** Null: nothing is to be looked for in the log, or it was. */
  #scan: WaitingScan | null
  #core: QueueCore | null = null
  #charged: readonly QueueFailure[] = []

  /** `address`: of its block. @throws MillraceError MILL_DISK, MILL_CORRUPT */
  constructor(memory: Memory, partition: PartitionActor, disk: PartitionDisk, policy: QueuePolicy, address: number) {
    this.#partition = partition
    this.#disk = disk
    this.#policy = policy
    this.#block = new StoredBlock(memory, address)
    this.source = new StoredSource(partition, disk, policy.priorities === 1)
    this.#state = disk.openSettled()
    const { priorities } = policy
    const open = (scratch: Buffer): LogReader => disk.reader(scratch)
    this.#scan = priorities === 1 ? null : new WaitingScan(open, priorities, this.#state, disk.queueScanBytes)
    this.facts = new StoredFacts(disk.place, this.#block, this.#state, change => disk.writeSettled(change), nowMs)
  }

  get isPrepared(): boolean {
    return this.#scan === null || this.#scan.end >= this.#partition.highWatermark
  }

  prepare(): void {
    this.#scan?.step(this.#partition.highWatermark)
  }

  core(consumers: readonly QueueConsumer[]): QueueCore {
    while (!this.isPrepared) this.prepare()
    const { source, facts } = this
    const scan = this.#scan
    const { highWatermark: end } = this.#partition
    const isNewProcess = !this.#block.isOpened
    const made = storedCore(
      { policy: this.#policy, source, facts, state: this.#state, scan, end, isNewProcess, nowMs: nowMs(), random },
      consumers,
    )
    this.#core = made.core
    scan?.close()
    this.#scan = null
    this.#charged = made.charged
    return made.core
  }

  opened(): readonly QueueFailure[] {
    const charged = this.#charged
    this.#charged = []
    this.#block.opened()
    return charged
  }

  intake(queue: TakingQueue): StoredIntake {
    return new StoredIntake(queue, this.facts, this.source)
  }

  someSettled(): void {}

  get isDirty(): boolean {
    return this.facts.isDirty
  }

  takeChange(): SettledChange | null {
    return this.#core === null ? null : this.facts.take(this.#core)
  }

  write(change: SettledChange): boolean {
    return this.#disk.writeSettled(change)
  }

  sync(): boolean {
    return this.#disk.syncSettled()
  }

  attempt(act: () => void): boolean {
    return this.#disk.attempt(act)
  }

  get error(): Error | null {
    return this.#disk.error
  }

  rest(): void {
    this.source.rest()
  }

  close(): void {
    this.#scan?.close()
    this.source.rest()
  }
}
