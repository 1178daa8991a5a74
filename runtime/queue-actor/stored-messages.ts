/**
 * Keeps the messages of a queue in its log on disk, and what has become of them in a file of its host.
 *
 * The partition host's thread. What a step decides is written down with the pass, in one write for all queues of the host. Only then are the
 * claims of what ended free, and is what was handed out visible. So a successor never finds less than a consumer has.
 *
 * After a failure of the disk the queue stands still: nothing is handed out, and what consumers say is not heard.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs, random, wallMs } from '../../actors/world.ts'
import { instant } from '../base/instant.ts'
import type { SettledChange } from '../log/format/settled-change.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { PartitionDisk } from '../partition/partition-disk.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { QueueFailure, QueuePolicy } from '../queue/queue-words.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { Offset } from '../words/quantities.ts'
import type { KeptMessages, TakingQueue } from './kept-messages.ts'
import { lettersEnd, settleBuried } from './left-letters.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { StoredBlock } from './stored-block.ts'
import { StoredFacts } from './stored-facts.ts'
import { StoredIds } from './stored-ids.ts'
import { StoredIntake } from './stored-intake.ts'
import { numbersIn, StoredNumbers } from './stored-numbers.ts'
import { storedCore } from './stored-rebuild.ts'
import { StoredSource } from './stored-source.ts'
import { regather, StoredUpdates } from './stored-updates.ts'
import { WaitingScan } from './waiting-scan.ts'

export class StoredMessages implements KeptMessages {
  readonly defers = true
  readonly source: StoredSource
  readonly facts: StoredFacts
  readonly updates: StoredUpdates
  readonly #partition: PartitionActor
  readonly #disk: PartitionDisk
  readonly #policy: QueuePolicy
  readonly #block: StoredBlock
  readonly #state: SettledState
  /** Null: nothing is to be looked for in the log, or it was. */
  #scan: WaitingScan | null
  #core: QueueCore | null = null
  #ids: StoredIds | null = null
  readonly #numbers = new StoredNumbers()
  #charged: readonly QueueFailure[] = []

  /** `target`: where its dead letters go. @throws MillraceError MILL_DISK, MILL_CORRUPT */
  constructor(
    memory: Memory,
    [partition, target]: readonly [PartitionActor, PartitionActor | null],
    disk: PartitionDisk,
    policy: QueuePolicy,
    { block, cursor }: Pick<GroupPlace, 'block' | 'cursor'>,
  ) {
    this.#partition = partition
    this.#disk = disk
    this.#policy = policy
    this.#block = new StoredBlock(memory, block)
    this.#state = disk.openSettled()
    const at = instant()
    this.updates = new StoredUpdates(this.#state.updates.values(), at, offset => this.#core?.next(offset) !== offset)
    this.source = new StoredSource(partition, disk, policy.priorities === 1, at, this.updates)
    const { source } = this
    settleBuried({ disk, source, state: this.#state, end: partition.highWatermark, target, cursor })
    this.#scan = this.#scanOf(policy)
    const write = (change: SettledChange): boolean => disk.writeSettled(change)
    this.facts = new StoredFacts(disk.place, this.#block, this.#state, write, nowMs, () => lettersEnd(target))
  }

  /** With one priority nothing is looked for. Where keys are limited, the record of each message is, when the core is made. */
  #scanOf({ priorities, keyConcurrency }: QueuePolicy): WaitingScan | null {
    if (priorities === 1 || keyConcurrency !== Number.POSITIVE_INFINITY) return null
    const disk = this.#disk
    return new WaitingScan(scratch => disk.reader(scratch), priorities, this.#state, disk.queueScanBytes)
  }

  get isPrepared(): boolean {
    return this.#scan === null || this.#scan.end >= this.#partition.highWatermark
  }

  prepare(): void {
    this.#scan?.step(this.#partition.highWatermark)
  }

  core(consumers: readonly QueueConsumer[]): QueueCore {
    while (!this.isPrepared) this.prepare()
    if (this.#scan !== null) regather(this.#scan.gathered, this.#state.updates.values())
    const { source, facts } = this
    const scan = this.#scan
    const { highWatermark: end } = this.#partition
    const isNewProcess = !this.#block.isOpened
    this.#openIds(end, isNewProcess)
    this.#findNumbers(end)
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

  /** Those behind the end that is written down are written with the first change. */
  #findNumbers(end: Offset): void {
    const from = Math.max(this.#state.known?.end ?? 0, this.#disk.startOffset)
    if (from < end) for (const number of numbersIn(this.#disk.frames(from, end))) this.#numbers.note(number)
  }

  #openIds(end: Offset, isNewProcess: boolean): void {
    const { dedupeMs = 0, dedupeMaxIds = 0 } = this.#partition.topic.queue ?? {}
    if (dedupeMs === 0) {
      // Nobody asks for those of before.
      this.#state.ids?.forgetTo(Number.POSITIVE_INFINITY)
      return
    }
    if (this.#block.clock === 0) this.#block.clock = wallMs() - nowMs()
    const aheadMs = this.#block.clock
    this.#ids = new StoredIds({
      state: this.#state,
      // Of two times that are cut to whole milliseconds the distance may be one more than it was.
      keepMs: dedupeMs + 1,
      most: dedupeMaxIds,
      end,
      // What was removed was written down before.
      frames: (from, to) => this.#disk.frames(Math.max(from, this.#disk.startOffset), to),
      nowMs: () => Math.floor(nowMs() + aheadMs),
      isNewProcess,
    })
  }

  get ids(): StoredIds | null {
    return this.#ids
  }

  opened(): readonly QueueFailure[] {
    const charged = this.#charged
    this.#charged = []
    this.#block.opened()
    return charged
  }

  intake(queue: TakingQueue): StoredIntake {
    return new StoredIntake(queue, this.facts, this.source, this.#numbers)
  }

  someSettled(): void {}

  get isDirty(): boolean {
    return this.facts.isDirty || this.updates.isDirty || this.#ids?.isDirty === true || this.#numbers.isDirty
  }

  takeChange(): SettledChange | null {
    const core = this.#core
    if (core === null) return null
    const updated = this.updates.take()
    if (updated !== null && updated.timedEnd > this.facts.times.end) this.facts.timed(updated.timedEnd)
    const change = this.facts.take(core)
    const ids = this.#ids?.take(core.figures.end) ?? null
    const numbers = this.#numbers.take()
    if (ids === null && updated === null && numbers === null) return change
    const { topic, partition } = this.#disk.place
    const more = updated === null ? null : { updates: updated.updates, times: { ...this.facts.times } }
    return {
      ...(change ?? { topic, partition }),
      ...more,
      ...(ids === null ? null : { ids }),
      ...(numbers === null ? null : { numbers }),
    }
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
