/**
 * The work queues of a host: who of them is here, comes and goes, and which consumer is whose.
 *
 * The partition host's thread. To the control thread a queue is a group of its topic, and its consumers are slots; each consumer has a
 * number of its own.
 */
import type { HostLink, Settlement } from '../link/host-link.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import { QueueActor } from '../queue-actor/queue-actor.ts'
import type { Resident } from '../resident/resident.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import type { GroupPlace, SlotPlace, StartAt } from '../wire/places.ts'
import type { QueueAsks } from '../wire/queue-asks.ts'
import type { QueueReport } from '../wire/reports.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import type { HostNews } from './host-news.ts'
import type { HostServices } from './host-services.ts'
import type { LetterDepths } from './letter-depths.ts'
import { QueueResident } from './queue-resident.ts'
import type { Residence } from './residents.ts'
import type { Topics } from './topics.ts'

/** What else of the host queues have to do with. */
export interface QueueNeighbours {
  readonly topics: Topics
  readonly letters: LetterDepths
  readonly news: HostNews
  /** A dead letter was appended. */
  appended(actor: PartitionActor): void
}

interface HostedQueue {
  readonly actor: QueueActor
  readonly residence: Residence
}

/** Nothing is known before the first delivery. */
const FROM_NOTHING: StartAt = { committed: 0, pin: 0, highWatermark: 0, known: [] }

export class Queues {
  readonly #host: HostServices
  readonly #neighbours: QueueNeighbours
  readonly #live: (resident: Resident) => Residence
  readonly #queues = new Map<number, HostedQueue>()
  /** By the number of a consumer. */
  readonly #consumers = new Map<number, HostedQueue>()

  constructor(host: HostServices, neighbours: QueueNeighbours, live: (resident: Resident) => Residence) {
    this.#host = host
    this.#neighbours = neighbours
    this.#live = live
  }

  *all(): Generator<QueueActor> {
    for (const { actor } of this.#queues.values()) yield actor
  }

  find(cursor: number): QueueActor | null {
    return this.#queues.get(cursor)?.actor ?? null
  }

  open(place: GroupPlace): void {
    if (this.#queues.has(place.cursor)) return
    const { topics, letters, news } = this.#neighbours
    const { memory, fault, tell } = this.#host
    const { deadLetterTopic, deadLetterPartition } = place
    const partition = topics.known(place.topic, place.partition)
    const shape = partition.topic.queue
    if (shape === undefined) throw new Error(`broken invariant: topic ${place.topicName} is no queue`)
    const target = deadLetterTopic === -1 ? null : topics.known(deadLetterTopic, deadLetterPartition)
    const actor = new QueueActor(memory, place, shape, [partition, target], {
      deadLettered: event => {
        news.deadLettered(event)
        if (target === null) return
        letters.touch(target)
        this.#neighbours.appended(target)
        topics.wake(target)
      },
      attemptFailed: (failure, error) => news.attemptFailed(place, failure, error),
      looping: event => tell({ kind: 'looping', event }),
      handedOut: this.#host.handedOut,
      woken: () => hosted.residence.wake(),
      hasRoom: () => topics.wake(partition),
      fault,
      callers: this.#host.links.answers,
    })
    const hosted: HostedQueue = {
      actor,
      residence: this.#live(new QueueResident(actor, tell, () => this.#neighbours.appended(partition))),
    }
    this.#queues.set(place.cursor, hosted)
  }

  close(cursor: number): void {
    const hosted = this.#queues.get(cursor)
    if (hosted === undefined) return
    for (const consumer of hosted.actor.cursors()) this.#consumers.delete(consumer)
    hosted.actor.close()
    hosted.residence.leave()
    this.#queues.delete(cursor)
  }

  /** A consumer, new or as a thread before this one knew it. */
  openSlot(slot: SlotPlace): StartAt {
    const { consumer } = slot
    const hosted = this.#queues.get(consumer?.queue ?? -1)
    if (hosted === undefined || consumer === undefined) throw deletedTopic(null, 'queue')
    hosted.actor.openSlot(slot, consumer, this.#host.links.of(slot.thread))
    this.#consumers.set(slot.cursor, hosted)
    hosted.residence.wake()
    return FROM_NOTHING
  }

  /** Whether the number is a consumer's. */
  has(cursor: number): boolean {
    return this.#consumers.has(cursor)
  }

  closeSlot(cursor: number, epoch: number, crash: SlotCrash | null): void {
    const hosted = this.#consumers.get(cursor)
    if (hosted === undefined) return
    // What the consumer said before it ended counts.
    this.#host.links.take()
    hosted.actor.closeSlot(cursor, epoch, crash)
    this.#consumers.delete(cursor)
    hosted.residence.wake()
  }

  /** What a consumer says of a delivery. One of a queue that is no more counts for nothing. */
  settle(settlement: Settlement): void {
    const hosted = this.#consumers.get(settlement.cursor)
    hosted?.actor.settle(settlement)
    hosted?.residence.wake()
  }

  /** A consumer has ended deliveries, or wants more, or fewer. */
  asks(cursor: number): void {
    this.#consumers.get(cursor)?.residence.wake()
  }

  /** The same for whichever consumers of a thread. */
  mayAsk(link: HostLink): void {
    for (const { actor, residence } of this.#queues.values()) if (actor.isReadBy(link)) residence.wake()
  }

  /** What a consumer has said so far is as durable as its queue. @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  confirm(cursor: number, consumer: number): void | Promise<void> {
    const hosted = this.#queues.get(cursor)
    if (hosted === undefined) throw deletedTopic(null, 'queue')
    const opening = hosted.actor.whenOpen()
    if (opening !== null) return opening.then(() => this.confirm(cursor, consumer))
    this.#host.links.take()
    hosted.actor.confirm(consumer)
    hosted.residence.wake()
  }

  /** What a queue is asked about its messages; one that opens is asked when it is open. @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  ask<T>(cursor: number, ask: (asks: QueueAsks) => T): T | Promise<T> {
    const hosted = this.#queues.get(cursor)
    if (hosted === undefined) throw deletedTopic(null, 'queue')
    const opening = hosted.actor.whenOpen()
    if (opening !== null) return opening.then(() => this.ask(cursor, ask))
    this.#host.links.take()
    hosted.residence.wake()
    return ask(hosted.actor.asks)
  }

  /** @throws MillraceError MILL_TOPIC_DELETED */
  report(cursor: number): QueueReport | Promise<QueueReport> {
    const hosted = this.#queues.get(cursor)
    if (hosted === undefined) throw deletedTopic(null, 'queue')
    const opening = hosted.actor.whenOpen()
    if (opening !== null) return opening.then(() => this.report(cursor))
    this.#host.links.take()
    const { target } = hosted.actor
    if (target !== null) this.#neighbours.letters.look(target)
    const report = hosted.actor.report()
    hosted.residence.wake()
    return report
  }
}
