/**
 * A work queue on its partition host, step by step: takes in what its consumers have ended, and hands out what its core says.
 *
 * The partition host's thread. A shell around queue-core.ts. Messages come by the partition (queue-intake.ts), and go by the slots of
 * consumers (queue-consumer.ts); how they end is queue-ends.ts. What becomes of a message is one store of its word, after the core has
 * decided it and before its claim is free. So a successor repeats what may not have happened, and nothing else (queue-rebuild.ts).
 *
 * On disk it is written down with the pass instead, and counts when that is done (kept-messages.ts).
 *
 * Bounds: those of what it hands out (queue-hand-outs.ts).
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs } from '../../actors/world.ts'
import type { HostLink, Settlement } from '../link/host-link.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import { CONSUMERS_MAX } from '../queue/consumers.ts'
import type { QueueLetter } from '../queue/queue-words.ts'
import type { Staged, Standing } from '../resident/resident.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { GroupPlace, SlotPlace } from '../wire/places.ts'
import type { QueueAsks } from '../wire/queue-asks.ts'
import type { ConsumerShape, QueueShape } from '../wire/queue-places.ts'
import type { QueueReport } from '../wire/reports.ts'
import { MillraceError } from '../words/errors.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import { IdGate } from './id-gate.ts'
import { QueueAnswers } from './queue-answers.ts'
import { QueueConsumer } from './queue-consumer.ts'
import { QueueEnds } from './queue-ends.ts'
import { BYTES_MAX, QueueHandOuts } from './queue-hand-outs.ts'
import { QueueOpening } from './queue-opening.ts'
import { QueueParts, type QueueUpcalls } from './queue-parts.ts'
import { QueueRecalls } from './queue-recalls.ts'
import { reportOf } from './queue-report.ts'

/** Steps in which it did nothing, after which it holds nothing to be faster. */
const IDLE_STEPS = 8

export class QueueActor {
  readonly place: GroupPlace
  readonly partition: PartitionActor
  /** What it is asked about its messages. */
  readonly asks: QueueAsks
  readonly #memory: Memory
  readonly #parts: QueueParts
  readonly #intake: QueueGate
  readonly #ends: QueueEnds
  readonly #handOuts: QueueHandOuts
  readonly #recalls: QueueRecalls
  readonly #opening: QueueOpening
  #hasWorked = false
  #idleSteps = 0

  constructor(
    memory: Memory,
    place: GroupPlace,
    shape: QueueShape,
    actors: readonly [partition: PartitionActor, target: PartitionActor | null],
    upcalls: QueueUpcalls,
  ) {
    this.#memory = memory
    this.place = place
    this.partition = actors[0]
    this.#parts = new QueueParts(memory, place, shape, actors, upcalls)
    const intake = this.#parts.messages.intake(this.#parts)
    this.#intake = shape.dedupeMs > 0 ? new IdGate(intake, () => this.#parts.ids) : intake
    this.#opening = new QueueOpening(this.#parts, intake)
    this.#ends = new QueueEnds(this.#parts)
    this.#handOuts = new QueueHandOuts(this.#parts)
    this.#recalls = new QueueRecalls(this.#parts, this.#handOuts)
    this.asks = new QueueAnswers({
      parts: this.#parts,
      collect: () => this.#collect(),
      flush: () => this.#flush(),
    })
    this.partition.serve(this.#intake)
  }

  /** Where its dead letters go. */
  get target(): PartitionActor | null {
    return this.#parts.target
  }

  /** Bytes of what is not settled. */
  get lagBytes(): number {
    return this.#parts.isOpen ? this.#parts.core.figures.bytes : 0
  }

  /** Resolves when it has gone through its log, or never will; null: it has. */
  whenOpen(): Promise<void> | null {
    return this.#opening.whenOver()
  }

  get letters(): QueueParts['letters'] {
    return this.#parts.letters
  }

  /** A consumer, new or as a predecessor knew it. @throws MillraceError MILL_OUT_OF_RANGE */
  openSlot(place: SlotPlace, shape: ConsumerShape, link: HostLink): void {
    const { consumers, source, isOpen } = this.#parts
    if (consumers.has(place.cursor)) return
    if (consumers.size === CONSUMERS_MAX) throw tooManyConsumers(this.place.topicName)
    const number = this.#handOuts.freeNumber
    const consumer = new QueueConsumer(this.#memory, source, place, shape, link, number)
    consumers.set(place.cursor, consumer)
    this.#handOuts.add(consumer)
    const terms = { prefetchBytes: BYTES_MAX, ackTimeoutMs: Number.POSITIVE_INFINITY, prefetch: 0 }
    if (isOpen) {
      this.#parts.core.attach(number, { ...terms, priority: shape.priority })
      this.#parts.keepActive()
    }
    consumer.wake()
  }

  /**
   * A consumer has ended. Told again, because a predecessor died before it had answered, it goes on where that was. A queue that is
   * opening goes through the rest of its log at once for this, and for `settle`.
   */
  closeSlot(cursor: number, epoch: Epoch, crash: SlotCrash | null): void {
    const { consumers } = this.#parts
    const consumer = consumers.get(cursor)
    if (consumer === undefined || consumer.place.epoch !== epoch) return
    if (!this.#opening.hasFailed) {
      this.#parts.open()
      this.#ends.close(consumer, crash)
      // Its slot is free once this is answered.
      this.#flush()
    }
    consumers.delete(cursor)
    if (!this.#opening.hasFailed) this.#parts.keepActive()
    this.#handOuts.remove(consumer)
  }

  settle(settlement: Settlement): void {
    if (this.#opening.hasFailed) return
    this.#parts.open()
    const consumer = this.#parts.consumers.get(settlement.cursor)
    if (consumer === undefined || consumer.place.epoch !== settlement.epoch) return
    this.#ends.settle(consumer, settlement)
    // It is heard once this returns, and nobody says it again.
    this.#flush()
  }

  /** Their numbers. */
  cursors(): Iterable<number> {
    return this.#parts.consumers.keys()
  }

  /** Whether a thread has consumers of it. */
  isReadBy(link: HostLink): boolean {
    for (const consumer of this.#parts.consumers.values()) if (consumer.link === link) return true
    return false
  }

  /** One bounded step; whether it did anything. */
  work(): boolean {
    const { messages } = this.#parts
    const isDone = messages.attempt(this.#worksOnce)
    this.#opening.stepped(isDone)
    if (!isDone) return false
    this.#idleSteps = this.#hasWorked ? 0 : this.#idleSteps + 1
    if (this.#idleSteps === IDLE_STEPS) messages.rest()
    return this.#hasWorked || messages.isDirty
  }

  readonly #worksOnce = (): void => {
    this.#hasWorked = this.#step()
  }

  #step(): boolean {
    if (this.#opening.step()) return true
    const { core, consumers, letters, messages, upcalls } = this.#parts
    const ended = this.#collect()
    let worked = ended
    if (this.#ends.pass(nowMs(), this.#recalls.takeBackOverdue)) worked = true
    // What dies is a dead letter once that is written down.
    if (!messages.isDirty && this.#hasLetters() && letters.write(this.#letterSource)) worked = true
    const handedOut = this.#handOuts.handOut()
    if (handedOut) worked = true
    if (this.#recalls.look(nowMs())) worked = true
    if (!messages.isDirty) this.#handOuts.publish()
    const { hasReady, lettersWaiting } = core.figures
    const hasBacklog = hasReady || lettersWaiting > 0 || this.partition.full
    for (const consumer of consumers.values()) consumer.words.waits(hasBacklog, this.#recalls.areShared)
    if (handedOut && hasBacklog) upcalls.handedOut()
    if (ended) messages.someSettled()
    if (this.partition.full && this.#intake.mayHaveRoom()) upcalls.hasRoom()
    return worked
  }

  /** Takes in what its consumers have ended; whether that was anything. */
  #collect(): boolean {
    let ended = 0
    for (const consumer of this.#parts.consumers.values()) ended += this.#ends.collect(consumer)
    return ended > 0
  }

  #hasLetters(): boolean {
    return this.#parts.core.figures.lettersWaiting > 0
  }

  /** What the last step decided and is to be written down before it counts; null: nothing. */
  stage(): Staged | null {
    const settled = this.#parts.messages.takeChange()
    if (settled === null) return null
    return { frames: [], settled, committed: () => this.#written(), failed: () => undefined }
  }

  /** What was decided is written down: claims are free, deliveries are visible, and messages that die may be dead letters. */
  #written(): void {
    const { letters, upcalls, messages } = this.#parts
    this.#parts.freeConcluded()
    this.#handOuts.publish()
    if (!this.#hasLetters()) return
    messages.attempt(() => letters.write(this.#letterSource))
    if (messages.isDirty) upcalls.woken()
  }

  /** Its host ends in good order. */
  end(): void {
    if (this.#parts.isOpen) this.#flush()
  }

  /** Writes down what was decided, at once; false: the disk has failed. */
  #flush(): boolean {
    const { messages } = this.#parts
    const change = messages.takeChange()
    if (change === null) return messages.error === null
    if (!messages.write(change)) return false
    this.#written()
    return true
  }

  /** What this consumer has ended so far is as durable as the queue from now on. @throws MillraceError MILL_DISK */
  confirm(cursor: number): void {
    this.#parts.open()
    const consumer = this.#parts.consumers.get(cursor)
    if (consumer !== undefined) this.#ends.collect(consumer)
    if (!this.#flush() || !this.#parts.messages.sync()) throw this.#parts.messages.error
  }

  readonly #letterSource = {
    nextLetter: (): QueueLetter | null => this.#parts.core.nextLetter(),
    lettersRefused: (): void => this.#parts.core.lettersRefused(),
    letterWritten: ({ offset }: QueueLetter): void => {
      this.#parts.upcalls.fault(FAULT_POINT.betweenDeadLetterAndVerdict)
      this.#parts.core.lettersWritten(1)
      this.#parts.facts.settledAs('deadLettered', offset)
    },
  }

  /** Where it stands as a resident of its host (resident/resident.ts). */
  standing(): Standing {
    const { consumers, messages } = this.#parts
    // The disk has failed: nothing would be done.
    if (messages.error !== null) return 'rests'
    if (messages.isDirty || !this.#parts.isOpen) return 'ready'
    for (const consumer of consumers.values()) if (consumer.hasNews) return 'ready'
    return this.letters.isFull ? 'waitsForCommit' : 'rests'
  }

  dueInMs(now: number): number {
    const { messages, isOpen } = this.#parts
    // Behind a disk that has failed nothing that is due is done.
    const isAwake = messages.error === null && isOpen
    const dueMs = isAwake ? Math.min(this.#parts.core.dueMs, this.#recalls.dueMs) : Number.POSITIVE_INFINITY
    return Math.min(dueMs - now, this.letters.stallsInMs)
  }

  /** Whether everything below `offset` is settled. */
  settledTo(offset: Offset): boolean {
    return this.#parts.isOpen && this.#parts.core.figures.floor >= offset
  }

  /** The first message from an offset on that is neither settled nor scheduled; `below`: there is none (queue-figures.ts). */
  openFrom(from: Offset, below: Offset): Offset {
    return (this.#parts.isOpen ? this.#parts.core.figures.openFrom(from, below) : from) as Offset
  }

  /** It ends here: its partition takes nothing any more. */
  close(): void {
    this.#parts.messages.close()
    this.partition.serve(null)
    this.#opening.tell()
  }

  report(): QueueReport {
    if (this.#collect()) this.#parts.upcalls.woken()
    return reportOf(this.#parts)
  }
}

function tooManyConsumers(queue: string): MillraceError {
  return new MillraceError(
    'MILL_OUT_OF_RANGE',
    `queue ${queue} has ${CONSUMERS_MAX} consumers, and can have no more: end some, or let one handle more by \`concurrency\``,
  )
}
