/**
 * Joint frames that are sealed, or open: which publishes are in them, and what each partition has said of its frame.
 *
 * The producer's thread. All publishes of a frame have the same answer, once all partitions have given theirs. Until then one can be taken out
 * again, as long as the host has not taken the frames. Bound: the records of a frame.
 */
import type { AttachedThread } from '../thread/attached-thread.ts'
import { beginsEdit, endsEdit } from '../wire/joint-note.ts'
import type { Answerer, FrameObserver } from './frame-tickets.ts'
import { takeOut } from './joint-edits.ts'
import type { JointPublish } from './joint-publish.ts'
import type { PartitionWriter, SealedPlace } from './partition-writer.ts'

/** What a partition has said of its frame; `withheld`: it would have taken it, and another did not. */
export type JointAnswer = { readonly offset: number; readonly isDuplicate: boolean } | Error | 'refused' | 'withheld'

/** One partition's frame. */
class Member implements FrameObserver {
  readonly #ticket: JointTicket
  readonly #at: number

  constructor(ticket: JointTicket, at: number) {
    this.#ticket = ticket
    this.#at = at
  }

  get done(): boolean {
    return this.#ticket.isDone
  }

  appended(_writer: Answerer, offset: number, _first: number, _count: number, isDuplicate: boolean): void {
    this.#ticket.answered(this.#at, { offset, isDuplicate })
  }

  failed(_count: number, error: Error): void {
    this.#ticket.answered(this.#at, error)
  }

  refused(): void {
    this.#ticket.answered(this.#at, 'refused')
  }

  withheld(): void {
    this.#ticket.answered(this.#at, 'withheld')
  }
}

export class JointTicket {
  readonly members: readonly Member[]
  readonly #thread: AttachedThread
  readonly #writers: readonly PartitionWriter[]
  readonly #all: Set<JointTicket>
  readonly #publishes: JointPublish[] = []
  readonly #answers: JointAnswer[]
  #left: number
  /** Of the frames, the leading one first; empty: they are open. */
  #places: readonly SealedPlace[] = []
  #rings: readonly number[] = []

  /** `all`: where it is kept from when it is sealed until it is answered. */
  constructor(thread: AttachedThread, writers: readonly PartitionWriter[], all: Set<JointTicket>) {
    this.#thread = thread
    this.#writers = writers
    this.#all = all
    this.#answers = new Array(writers.length)
    this.#left = writers.length
    this.members = writers.map((_, at) => new Member(this, at))
  }

  get publishes(): readonly JointPublish[] {
    return this.#publishes
  }

  get isDone(): boolean {
    return this.#publishes.every(({ done }) => done)
  }

  add(publish: JointPublish): void {
    this.#publishes.push(publish)
    publish.ticket = this
  }

  sealed(places: readonly SealedPlace[], rings: readonly number[]): void {
    this.#places = places
    this.#rings = rings
    this.#all.add(this)
  }

  /** Takes a publish out of the frames; false: the host takes them, or has done so, or some have failed. */
  withdraw(publish: JointPublish): boolean {
    const at = this.#publishes.indexOf(publish)
    const [lead] = this.#places
    if (at === -1 || lead === undefined || this.#left < this.#answers.length) return false
    const { memory } = this.#thread
    if (!beginsEdit(memory, lead.note)) return false
    this.#publishes.splice(at, 1)
    const isVoid = this.#publishes.length === 0
    if (!isVoid) for (const { frame } of this.#places) takeOut(memory, frame, at)
    endsEdit(memory, lead.note, isVoid)
    const [{ host }] = this.#writers as [PartitionWriter]
    for (const ring of this.#rings) this.#thread.ringHost(host, ring)
    return true
  }

  /** A partition has answered. */
  answered(at: number, answer: JointAnswer): void {
    this.#answers[at] = answer
    this.#left--
    if (this.#left > 0) return
    this.#all.delete(this)
    for (const [index, publish] of this.#publishes.entries()) publish.answered(this.#answers, index)
  }
}
