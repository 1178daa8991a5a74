/**
 * Joint frames that are sealed, or open: which publishes are in them, and what each partition has said of its frame.
 *
 * The producer's thread. All publishes of a frame have the same answer, once all partitions have given theirs. Until then one can be taken out
 * again, as long as the host has not taken the frames. Bound: the records of a frame.
 */
import type { AttachedThread } from '../thread/attached-thread.ts'
import { beginsEdit, endsEdit, holderOf } from '../wire/joint-note.ts'
import type { Answerer, FrameObserver, Part } from './frame-tickets.ts'
import { takeOut } from './joint-edits.ts'
import type { JointFrame } from './joint-frame.ts'
import type { PartitionWriter } from './partition-writer.ts'

/** Why a partition has not taken its frame; `withheld`: another has not. */
export type JointRefusal = Error | 'refused' | 'withheld'

/** A message in the frames. */
export interface JointRecord {
  /** It is answered. */
  readonly done: boolean
  /** In whose frames it is; null: in none. */
  ticket: JointTicket | null
  /** All partitions have answered; `index`: which of the frames' records it is. */
  answered(index: number): void
}

/** One partition's frame: the only part of it, and who hears of that. */
export class JointMember implements FrameObserver, Part, JointFrame {
  readonly observer: FrameObserver = this
  readonly first = 0
  count = 0
  readonly parts: readonly Part[] = [this]
  /** Addresses of its note and of the frame; 0: it is open. */
  note = 0
  frame = 0
  /** Offset of its first record; -1: none is known. */
  offset = -1
  isDuplicate = false
  /** Null: it has taken the frame, or not answered. */
  refusal: JointRefusal | null = null
  readonly #ticket: JointTicket
  readonly #writer: PartitionWriter
  /** Where its note is. */
  #ring = 0
  #position = 0

  constructor(ticket: JointTicket, writer: PartitionWriter) {
    this.#ticket = ticket
    this.#writer = writer
  }

  get done(): boolean {
    return this.#ticket.isDone
  }

  /** Whether its bytes are its own still: they were not released, and its ring is the writer's. */
  get isInRing(): boolean {
    return this.#writer.holds(this.#ring, this.#position)
  }

  sealed(note: number, frame: number, count: number, position: number): void {
    this.note = note
    this.frame = frame
    this.count = count
    this.#ring = this.#writer.ring
    this.#position = position
  }

  appended(_writer: Answerer, offset: number, _first: number, _count: number, isDuplicate: boolean): void {
    this.offset = offset
    this.isDuplicate = isDuplicate
    this.#ticket.answered()
  }

  failed(_count: number, error: Error): void {
    this.#refused(error)
  }

  refused(): void {
    this.#refused('refused')
  }

  withheld(): void {
    this.#refused('withheld')
  }

  #refused(refusal: JointRefusal): void {
    this.refusal = refusal
    this.#ticket.answered()
  }
}

export class JointTicket {
  /** Of its partitions, the leading one first. */
  readonly members: readonly JointMember[]
  readonly #thread: AttachedThread
  readonly #writers: readonly PartitionWriter[]
  readonly #all: Set<JointTicket>
  readonly #publishes: JointRecord[] = []
  /** Partitions that have not answered. */
  #left: number

  /** `all`: where it is kept from when it is sealed until it is answered. */
  constructor(thread: AttachedThread, writers: readonly PartitionWriter[], all: Set<JointTicket>) {
    this.#thread = thread
    this.#writers = writers
    this.#all = all
    this.#left = writers.length
    this.members = writers.map(writer => new JointMember(this, writer))
  }

  get publishes(): readonly JointRecord[] {
    return this.#publishes
  }

  get isDone(): boolean {
    return this.#publishes.every(({ done }) => done)
  }

  /** Whether all partitions have taken it. */
  get isTaken(): boolean {
    for (const { refusal } of this.members) if (refusal !== null) return false
    return true
  }

  /** Which of its partitions has no room for it; -1: none is known to have none. */
  get heldBy(): number {
    const lead = this.members[0] as JointMember
    if (lead.note === 0 || this.#left < this.members.length || !lead.isInRing) return -1
    const holder = holderOf(this.#thread.memory, lead.note)
    return this.#writers.findIndex(({ ring }) => ring === holder)
  }

  add(publish: JointRecord): void {
    this.#publishes.push(publish)
    publish.ticket = this
  }

  sealed(): void {
    this.#all.add(this)
  }

  /**
   * Takes a publish out of the frames; false: the host takes them, or has done so, or they are open, or some have failed. The host may have
   * released them before this thread has read its receipts. Only this thread writes there again, so what it has not released stays.
   */
  withdraw(publish: JointRecord): boolean {
    const at = this.#publishes.indexOf(publish)
    const { members } = this
    const { note } = members[0] as JointMember
    if (at === -1 || note === 0 || this.#left < members.length) return false
    if (!members.every(({ isInRing }) => isInRing)) return false
    const { memory } = this.#thread
    if (!beginsEdit(memory, note)) {
      // A host that saw the edit begin has left the frames, and may sleep.
      this.#ringHosts()
      return false
    }
    this.#publishes.splice(at, 1)
    const isVoid = this.#publishes.length === 0
    if (!isVoid) for (const { frame } of members) takeOut(memory, frame, at)
    endsEdit(memory, note, isVoid)
    this.#ringHosts()
    return true
  }

  #ringHosts(): void {
    for (const { host, ring } of this.#writers) this.#thread.ringHost(host, ring)
  }

  /** A partition has answered. */
  answered(): void {
    this.#left--
    if (this.#left > 0) return
    this.#all.delete(this)
    for (const [index, publish] of this.#publishes.entries()) publish.answered(index)
  }
}
