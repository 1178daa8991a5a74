/**
 * One thread's writers to one topic, one for each partition.
 *
 * The producer's thread. There come to be more of them when the topic grows, and never fewer; a writer keeps its place in `all`.
 */
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { WriterUser } from '../thread/ring-writer.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import type { FrameObserver } from './frame-tickets.ts'
import { PartitionWriter } from './partition-writer.ts'
import type { Unobserved } from './unobserved.ts'

export class PartitionWriters {
  readonly #all: PartitionWriter[] = []
  /** By partition. The same array for good, which others keep. */
  readonly all: readonly PartitionWriter[] = this.#all
  readonly #thread: AttachedThread
  readonly #user: WriterUser
  readonly #named: number | null
  readonly #frameRecords: number | undefined
  readonly #publishedEarly: (bytes: number) => void
  #isOver = false

  /** `user`: hears of receipts. `named`: the number of a named producer. `frameRecords`: of a frame, at most. */
  constructor(thread: AttachedThread, user: WriterUser, named: number | null, frameRecords?: number) {
    this.#frameRecords = frameRecords
    this.#thread = thread
    this.#publishedEarly = bytes => thread.publishedEarly(bytes)
    this.#user = user
    this.#named = named
  }

  /** Makes the writer of the next partition. Once they have failed its ring is given back at once. */
  add(ring: RingPlace): void {
    const isNamed = this.#named !== null
    const producer = this.#named ?? this.#thread.id
    const writer = new PartitionWriter(this.#thread.memory, ring, producer, isNamed, this.#frameRecords)
    writer.publishedEarly = this.#publishedEarly
    this.#all.push(writer)
    if (this.#isOver) this.#giveBack(writer)
    else this.#thread.addWriter(writer, this.#user)
  }

  /** The partition with most in its ring. */
  get fullest(): number {
    let fullest = this.all[0] as PartitionWriter
    for (const writer of this.all) if (writer.backlogBytes() > fullest.backlogBytes()) fullest = writer
    return fullest.partition
  }

  /** Records in frames that have no receipt; not those of publishes that were answered without one. */
  get unanswered(): number {
    let count = 0
    for (const writer of this.all) count += writer.unanswered
    return count
  }

  /** Shows the observers of everything on its way. */
  pending(look: (observer: FrameObserver) => void): void {
    for (const writer of this.all) writer.pending(look)
  }

  /** Nothing more is written: the rings are given back when they are drained. */
  close(): void {
    for (const writer of this.all) this.#giveBack(writer)
  }

  #giveBack(writer: PartitionWriter): void {
    writer.close()
    this.#thread.ringHost(writer.host, writer.ring)
  }

  /** Nothing more is answered: fails everything on its way, and tells what of it nobody observed. */
  fail(error: Error, unobserved: Unobserved): void {
    this.#isOver = true
    for (const writer of this.all) {
      const count = writer.fail(error)
      if (count > 0) unobserved.lost(writer.partition, count, error)
      for (const ring of [writer.ring, ...writer.takeFormerRings()]) this.#thread.removeWriter(ring)
    }
  }
}
