/**
 * A work queue on its partition host, step by step: takes in what its consumers have ended, and hands out what its core says.
 *
 * The partition host's thread. A shell around queue-core.ts. Messages come by the partition (queue-intake.ts), and go by the slots of
 * consumers (queue-consumer.ts); how they end is queue-ends.ts. What becomes of a message is one store of its word, after the core has
 * decided it and before its claim is free. So a successor repeats what may not have happened, and nothing else (queue-rebuild.ts).
 *
 * Bounds: HAND_OUTS in a step; what is out is bounded by the prefetch of the consumers.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs } from '../../actors/world.ts'
import type { HostLink, Settlement } from '../link/host-link.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import { CONSUMERS_MAX } from '../queue/consumers.ts'
import type { QueueLetter } from '../queue/queue-words.ts'
import type { Standing } from '../resident/resident.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { GroupPlace, SlotPlace } from '../wire/places.ts'
import type { ConsumerShape, QueueShape } from '../wire/queue-places.ts'
import type { QueueReport } from '../wire/reports.ts'
import { MillraceError } from '../words/errors.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import { QueueConsumer } from './queue-consumer.ts'
import { QueueEnds } from './queue-ends.ts'
import { QueueParts, type QueueUpcalls } from './queue-parts.ts'

const HAND_OUTS = 1_024
/** What is out is in the window, which bounds it: a consumer is to have as many large messages as it handles at once. */
const BYTES_MAX = Number.POSITIVE_INFINITY

export class QueueActor {
  readonly place: GroupPlace
  readonly partition: PartitionActor
  readonly #memory: Memory
  readonly #parts: QueueParts
  readonly #intake: QueueGate
  readonly #ends: QueueEnds
  /** By their number in the core. */
  readonly #numbers: (QueueConsumer | undefined)[] = []
  /** What the core was told that each may have, by the same. */
  readonly #allowed: number[] = []
  /** Whether each had all that it wants, and has not come down to its low water, by the same. */
  readonly #isFull: boolean[] = []
  /** Was handed something in this step, by the same. */
  readonly #served = new Set<QueueConsumer>()

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
    this.#intake = this.#parts.messages.intake(this.#parts)
    this.#ends = new QueueEnds(this.#parts)
    this.partition.serve(this.#intake)
  }

  /** Where its dead letters go. */
  get target(): PartitionActor | null {
    return this.#parts.target
  }

  /** Bytes of what is not settled. */
  get lagBytes(): number {
    return this.#parts.core.figures.bytes
  }

  get letters(): QueueParts['letters'] {
    return this.#parts.letters
  }

  // -- consumers --------------------------------------------------------------------------------------------------

  /** A consumer, new or as a predecessor knew it. @throws MillraceError MILL_OUT_OF_RANGE */
  openSlot(place: SlotPlace, shape: ConsumerShape, link: HostLink): void {
    const { consumers, source, isOpen } = this.#parts
    if (consumers.has(place.cursor)) return
    if (consumers.size === CONSUMERS_MAX) throw tooManyConsumers(this.place.topicName)
    let number = 0
    while (this.#numbers[number] !== undefined) number++
    const consumer = new QueueConsumer(this.#memory, source, place, shape, link, number)
    consumers.set(place.cursor, consumer)
    this.#numbers[number] = consumer
    this.#allowed[number] = 0
    this.#isFull[number] = false
    const terms = { prefetchBytes: BYTES_MAX, ackTimeoutMs: Number.POSITIVE_INFINITY, prefetch: 0 }
    if (isOpen) this.#parts.core.attach(number, { ...terms, priority: shape.priority })
    consumer.wake()
  }

  /** A consumer has ended. Told again, because a predecessor died before it had answered, it goes on where that was. */
  closeSlot(cursor: number, epoch: Epoch, crash: SlotCrash | null): void {
    const { consumers } = this.#parts
    const consumer = consumers.get(cursor)
    if (consumer === undefined || consumer.place.epoch !== epoch) return
    this.#parts.open()
    this.#ends.close(consumer, crash)
    consumers.delete(cursor)
    this.#numbers[consumer.number] = undefined
    this.#served.delete(consumer)
  }

  settle(settlement: Settlement): void {
    this.#parts.open()
    const consumer = this.#parts.consumers.get(settlement.cursor)
    if (consumer !== undefined && consumer.place.epoch === settlement.epoch) this.#ends.settle(consumer, settlement)
  }

  /** Numbers of its consumers. */
  cursors(): Iterable<number> {
    return this.#parts.consumers.keys()
  }

  /** Whether a thread has consumers of it. */
  isReadBy(link: HostLink): boolean {
    for (const consumer of this.#parts.consumers.values()) if (consumer.link === link) return true
    return false
  }

  // -- steps ------------------------------------------------------------------------------------------------------

  /** One bounded step; whether it did anything. */
  work(): boolean {
    const { core, consumers, letters, messages, upcalls } = this.#parts
    let ended = 0
    for (const consumer of consumers.values()) ended += this.#ends.collect(consumer)
    let worked = ended > 0
    if (core.due(nowMs()) > 0) worked = true
    if ((core.figures.lettersWaiting > 0 || letters.late > 0) && letters.write(this.#letterSource)) worked = true
    if (this.#handOut()) worked = true
    const hasBacklog = core.figures.hasReady || core.figures.lettersWaiting > 0 || this.partition.full
    for (const consumer of consumers.values()) consumer.waits(hasBacklog)
    if (ended > 0) messages.someSettled()
    if (this.partition.full && this.#intake.mayHaveRoom()) upcalls.hasRoom()
    return worked
  }

  readonly #letterSource = {
    nextLetter: (): QueueLetter | null => this.#parts.core.nextLetter(),
    lettersRefused: (): void => this.#parts.core.lettersRefused(),
    letterWritten: ({ offset }: QueueLetter): void => {
      this.#parts.upcalls.fault(FAULT_POINT.betweenDeadLetterAndVerdict)
      this.#parts.core.lettersWritten(1)
      this.#parts.facts.settledAs('deadLettered', offset)
    },
    lateWritten: ({ offset }: QueueLetter): void => this.#parts.facts.settledAs('deadLettered', offset),
  }

  #handOut(): boolean {
    const { core, consumers, facts, upcalls } = this.#parts
    for (const consumer of consumers.values()) {
      if (consumer.send()) this.#served.add(consumer)
      this.#allow(consumer)
    }
    let worked = this.#served.size > 0
    for (let left = HAND_OUTS; left > 0; left--) {
      const handOut = core.take()
      if (handOut === null) break
      const consumer = this.#numbers[handOut.consumer] as QueueConsumer
      facts.handedOut(handOut)
      consumer.handOut(handOut)
      worked = true
      this.#served.add(consumer)
      if (!consumer.hasRoom) this.#allow(consumer)
    }
    upcalls.fault(FAULT_POINT.beforeDeliveries)
    for (const consumer of this.#served) {
      if (core.figures.heldBy(consumer.number) >= consumer.wanted) this.#isFull[consumer.number] = true
      consumer.publish()
    }
    this.#served.clear()
    return worked
  }

  /**
   * Tells the core how much a consumer may have, if that has changed: nothing while there is no room for it. One that had all that it
   * wants, and still has more than it can handle at once, is served again when it has half of that: each time costs a wake-up.
   */
  #allow(consumer: QueueConsumer): void {
    const { number, wanted } = consumer
    const { core } = this.#parts
    const held = core.figures.heldBy(number)
    if (held >= wanted) this.#isFull[number] = true
    else if (held <= consumer.lowWater) this.#isFull[number] = false
    const allowed = consumer.hasRoom && this.#isFull[number] !== true ? wanted : 0
    if (this.#allowed[number] === allowed) return
    this.#allowed[number] = allowed
    core.credit(number, allowed, BYTES_MAX)
  }

  /** Where it stands as a resident of its host (resident/resident.ts). */
  standing(): Standing {
    for (const consumer of this.#parts.consumers.values()) if (consumer.hasNews) return 'ready'
    return this.letters.isFull ? 'waitsForCommit' : 'rests'
  }

  dueInMs(now: number): number {
    return Math.min(this.#parts.core.dueMs - now, this.letters.stallsInMs)
  }

  /** Whether everything below `offset` is settled. */
  settledTo(offset: Offset): boolean {
    return this.#parts.core.figures.floor >= offset
  }

  /** It ends here: its partition takes nothing any more. */
  close(): void {
    this.#parts.messages.close()
    this.partition.serve(null)
  }

  report(): QueueReport {
    const { core, consumers, facts, target, place } = this.#parts
    const { failures } = facts
    for (const consumer of consumers.values()) this.#ends.collect(consumer)
    const { late } = this.letters
    const {
      accepted,
      ready,
      dying,
      unacked,
      retrying,
      acked,
      deadLettered,
      dropped,
      purged,
      cancelled,
      bytes,
      readyByPriority,
    } = core.counters()
    const deadLetterDepth = target?.letterIndex?.depthOf(place.cursor) ?? 0
    // To the core what was dropped is settled.
    const letters = { dying: dying + late, deadLettered: deadLettered - late }
    const counts = { accepted, ready: ready + late, unacked, retrying, acked, ...letters }
    const gone = { dropped, purged, cancelled, bytes, readyByPriority }
    return { ...counts, ...gone, consumers: consumers.size, failures, deadLetterDepth }
  }
}

function tooManyConsumers(queue: string): MillraceError {
  return new MillraceError(
    'MILL_OUT_OF_RANGE',
    `queue ${queue} has ${CONSUMERS_MAX} consumers, and can have no more: end some, or let one handle more by \`concurrency\``,
  )
}
