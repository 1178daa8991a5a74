/**
 * Other rings for a producer: for a record that is too large, because one is full, or because memory is short.
 *
 * The producer's thread. The control thread makes the ring; when it comes the writer moves on to it, and its host drains the one
 * before first. One change at a time for each writer. While a large record waits for its ring, what comes after it waits; in all
 * other changes publishing goes on in the ring that there is, and where there is no other things stay as they are.
 */
import { nowMs } from '../../actors/world.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { GROW, type PartitionWriter } from './partition-writer.ts'
import type { ProducerUpcalls } from './producer-upcalls.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** When there was no memory for a larger ring, it is asked for again after this. */
const WIDEN_AGAIN_MS = 1_000
/** Bytes of a record that a ring is asked for, where it is none. */
const BECAUSE_FULL = 0
const BECAUSE_IDLE = -1

/** Whoever publishes. */
export interface RingUser {
  readonly isOpen: boolean
  /** What waits may fit now. */
  serve(): void
  /** There is no ring for what waits for this partition. */
  failWaiting(partition: number, error: Error): void
}

export class RingChanges {
  /** Partitions that wait for a ring for a large record. */
  readonly growing: Set<number> = new Set()
  readonly #thread: AttachedThread
  readonly #upcalls: ProducerUpcalls
  readonly #room: WaitingRoom
  readonly #user: RingUser

  constructor(thread: AttachedThread, upcalls: ProducerUpcalls, room: WaitingRoom, user: RingUser) {
    this.#thread = thread
    this.#upcalls = upcalls
    this.#room = room
    this.#user = user
  }

  /** A writer had no room for a record of so many bytes: `said`, for now or ever. */
  need(writer: PartitionWriter, said: number, bytes: number): void {
    if (said === GROW) this.#grow(writer, bytes)
    else if (writer.mayWiden && nowMs() >= writer.widensFromMs) void this.#replace(writer, BECAUSE_FULL)
  }

  #grow(writer: PartitionWriter, bytes: number): void {
    const { partition, ring } = writer
    // When the one comes that is on its way, it is tried again.
    if (this.growing.has(partition) || writer.isReplaced) return
    this.growing.add(partition)
    this.#room.unsettled()
    this.#upcalls
      .replaceRing(ring, bytes)
      .then(place => this.#move(writer, place))
      .catch((error: Error) => this.#user.failWaiting(partition, error))
      .finally(() => {
        this.#room.settled()
        this.growing.delete(partition)
        this.#user.serve()
      })
  }

  /** Makes up to `most` rings small through which nothing has gone since this was asked last; returns how many. */
  giveBack(writers: readonly PartitionWriter[], most: number): number {
    // All are looked at: what was idle is so since this look.
    const idle = writers.filter(writer => writer.takeIdle() && !writer.isSmall && !this.growing.has(writer.partition))
    idle.splice(most)
    for (const writer of idle) void this.#replace(writer, BECAUSE_IDLE)
    return idle.length
  }

  /** Never rejects. */
  async #replace(writer: PartitionWriter, why: number): Promise<void> {
    const { ring } = writer
    writer.isReplaced = true
    const place = await this.#upcalls.replaceRing(ring, why).catch(() => null)
    writer.isReplaced = false
    if (place === null || place.ring === ring) writer.widensFromMs = nowMs() + WIDEN_AGAIN_MS
    else this.#move(writer, place)
    writer.isSmall = why === BECAUSE_IDLE && place !== null
    this.#user.serve()
  }

  #move(writer: PartitionWriter, place: RingPlace): void {
    const former = writer.ring
    writer.moveTo(place)
    writer.isSmall = false
    for (const ring of writer.takeSettledRings()) this.#thread.removeWriter(ring)
    if (this.#user.isOpen) this.#thread.addWriter(writer, this.#user)
    this.#thread.ringHost(writer.host, former)
  }
}
