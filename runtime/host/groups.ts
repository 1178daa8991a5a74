/**
 * The groups of a host, one for each partition that they read here: who of them is here, comes and goes, and is moved.
 *
 * The partition host's thread.
 */
import { GroupActor } from '../group/group-actor.ts'
import type { HostLink, Settlement } from '../link/host-link.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import { offsetAt } from '../partition/seek.ts'
import type { Resident } from '../resident/resident.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import type { GroupPlace, SlotPlace, StartAt } from '../wire/places.ts'
import type { StartPosition } from '../wire/start-position.ts'
import type { Ceilings } from './ceilings.ts'
import { GroupResident } from './group-resident.ts'
import type { HostNews } from './host-news.ts'
import type { HostServices } from './host-services.ts'
import type { LetterDepths } from './letter-depths.ts'
import type { Residence } from './residents.ts'
import type { StoreUpkeep } from './store-upkeep.ts'
import type { Topics } from './topics.ts'

/** What else of the host groups have to do with. */
export interface GroupNeighbours {
  readonly topics: Topics
  readonly letters: LetterDepths
  readonly news: HostNews
  readonly ceilings: Ceilings
  /** Null: the broker keeps nothing on disk. */
  readonly upkeep: StoreUpkeep | null
}

interface HostedGroup {
  readonly actor: GroupActor
  readonly residence: Residence
}

export class Groups {
  readonly #host: HostServices
  readonly #neighbours: GroupNeighbours
  readonly #live: (resident: Resident) => Residence
  readonly #groups = new Map<number, HostedGroup>()

  constructor(host: HostServices, neighbours: GroupNeighbours, live: (resident: Resident) => Residence) {
    this.#host = host
    this.#neighbours = neighbours
    this.#live = live
  }

  *all(): Generator<GroupActor> {
    for (const { actor } of this.#groups.values()) yield actor
  }

  find(cursor: number): GroupActor | null {
    return this.#groups.get(cursor)?.actor ?? null
  }

  #known(cursor: number): HostedGroup {
    const group = this.#groups.get(cursor)
    if (group === undefined) throw new Error(`broken invariant: cursor ${cursor} has no group`)
    return group
  }

  /** Something was done to it: it has a step, and what it changed is written down. */
  #touch({ actor, residence }: HostedGroup): void {
    residence.wake()
    this.#neighbours.upkeep?.lags(actor)
  }

  /** Records were appended: on disk, who reads there has some to commit. */
  appended({ readers }: PartitionActor): void {
    for (const cursor of readers.keys()) {
      const actor = this.find(cursor)
      if (actor !== null) this.#neighbours.upkeep?.lags(actor)
    }
  }

  open(place: GroupPlace): void {
    if (this.#groups.has(place.cursor)) return
    const { topics, letters, news, ceilings } = this.#neighbours
    const { memory, store, fault, tell } = this.#host
    const { deadLetterTopic, deadLetterPartition } = place
    const partition = topics.known(place.topic, place.partition)
    const target = deadLetterTopic === -1 ? null : topics.known(deadLetterTopic, deadLetterPartition)
    const actor = new GroupActor(memory, place, partition, target, {
      deadLettered: event => {
        news.deadLettered(event)
        if (target === null) return
        letters.touch(target)
        this.appended(target)
        // It may have dropped records for the letter, of which it is to tell.
        topics.wake(target)
      },
      attemptFailed: (failure, error) => news.attemptFailed(place, failure, error),
      fault,
      kept: store?.keptOf(place.cursor, target?.highWatermark ?? Number.POSITIVE_INFINITY),
    })
    const resident = new GroupResident(actor, { tell, low: () => ceilings.add(actor) })
    const hosted = { actor, residence: this.#live(resident) }
    this.#groups.set(place.cursor, hosted)
    store?.opened(actor)
    news.opened(actor)
    this.#touch(hosted)
  }

  close(cursor: number): void {
    const group = this.#groups.get(cursor)
    if (group === undefined) return
    group.actor.close()
    group.residence.leave()
    this.#neighbours.upkeep?.forget(group.actor)
    this.#groups.delete(cursor)
  }

  /** Nothing is kept of it. */
  delete(cursor: number): void {
    const { store } = this.#host
    const partition = this.find(cursor)?.partition
    // Letters that it has read are settled with that; on disk they are looked for ten times a second only.
    if (store === null) partition?.letterIndex?.countRead()
    else store.attempt(() => partition?.letterIndex?.countRead())
    this.close(cursor)
    store?.attempt(() => store.states.forget(cursor))
    if (partition?.letterIndex != null) this.#neighbours.letters.touch(partition)
  }

  openSlot(slot: SlotPlace): StartAt {
    const group = this.#known(slot.cursor)
    const start = group.actor.openSlot(slot, this.#host.links.of(slot.thread))
    this.#touch(group)
    return start
  }

  closeSlot(cursor: number, epoch: number, crash: SlotCrash | null): void {
    const group = this.#groups.get(cursor)
    if (group === undefined) return
    // What the reader said before it ended counts.
    this.#host.links.take()
    group.actor.closeSlot(epoch, crash)
    this.#touch(group)
  }

  seek(cursor: number, place: StartPosition): void {
    const group = this.#known(cursor)
    group.actor.seek(offsetAt(group.actor.partition, place))
    this.#host.store?.moved(group.actor)
    this.#touch(group)
  }

  /** What a reader says of a delivery; false: it cannot be answered now. One of a group that is no more counts for nothing. */
  settle(settlement: Settlement): boolean {
    const group = this.#groups.get(settlement.cursor)
    if (group === undefined) return true
    const isAnswered = group.actor.settle(settlement)
    this.#touch(group)
    return isAnswered
  }

  /** A reader may not go on before it has a higher ceiling. */
  asks(cursor: number): void {
    this.#groups.get(cursor)?.residence.wake()
  }

  /** The same for whichever readers of a thread. */
  mayAsk(link: HostLink): void {
    for (const { actor, residence } of this.#groups.values())
      if (actor.partition.readers.get(actor.place.cursor) === link) residence.wake()
  }
}
