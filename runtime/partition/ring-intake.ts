/**
 * The rings that one partition takes records from: whose turn it is, which is drained, and which is still owed answers.
 *
 * The partition host's thread. In memory a pass takes of each ring up to the bytes of one append; on disk of one ring, another one
 * first each time, since a commit can say of one how far it was taken. Bound: the rings of the threads that publish here.
 */
import type { StoreEntry } from '../log/store/log-store-types.ts'
import type { Appender } from './appender.ts'
import type { IncomingRing } from './incoming-ring.ts'
import type { JointPartition, StagedJoint } from './joint-partition.ts'
import type { Joints } from './joints.ts'
import type { Keeping } from './keeping.ts'

/** What it tells of its rings. */
export interface RingUpcalls {
  /** A ring is closed or orphaned, and drained: its memory can be freed. */
  ringDrained(ring: IncomingRing): void
  /** So many bytes were taken from its rings. */
  took(bytes: number): void
  /** Frames that partitions of this host take together. */
  readonly joints: Joints
  /** A joint frame was appended, or may be tried again: it is to be given a step. */
  woken(isAppended: boolean): void
}

/** What a partition does with frames that it has no room for. */
export interface IntakeTerms {
  /** They are refused, and do not wait. */
  readonly refuses: boolean
  /** What makes room for them is lost. */
  readonly drops: boolean
}

export class RingIntake implements JointPartition {
  readonly #appender: Appender
  readonly #keeping: Keeping
  readonly #upcalls: RingUpcalls
  readonly terms: IntakeTerms
  #rings: IncomingRing[] = []
  /**
   * The ring that is still owed answers of a predecessor's last append. Until it has them nothing is appended: a next commit
   * would take the place of the one that says what they are, and this thread may die as well.
   */
  #owing: IncomingRing | null = null
  /** The ring that is first, where a pass takes one. */
  #turn = 0
  /** Whether the last `drain` left frames behind for want of room. */
  full = false
  /** What the last `drain` has taken together with other partitions, for the disk. */
  #joint: StagedJoint | null = null

  constructor(appender: Appender, keeping: Keeping, terms: IntakeTerms, upcalls: RingUpcalls) {
    this.#appender = appender
    this.#keeping = keeping
    this.terms = terms
    this.#upcalls = upcalls
  }

  add(ring: IncomingRing): void {
    if (ring.hasUnsent) this.#owing = ring
    this.#rings.push(ring)
    this.#upcalls.joints.add(ring, this)
  }

  of(id: number): IncomingRing | undefined {
    return this.#rings.find(ring => ring.id === id)
  }

  /** What is in them is not taken here any more. */
  giveUp(): IncomingRing[] {
    const rings = this.#rings.splice(0)
    this.#upcalls.joints.gone(rings)
    return rings
  }

  get isOwing(): boolean {
    return this.#owing !== null
  }

  /** Whether there is something in some ring, or to be done about it, now or later. */
  get hasMore(): boolean {
    return this.#owing !== null || this.#rings.some(ring => ring.hasMore)
  }

  /** Whether every answer of a predecessor's last append is out, now that those are sent which have room. */
  hasAnswered(): boolean {
    if (this.#owing === null) return true
    if (!this.#upcalls.joints.isRepaired(this.#owing) || !this.#owing.sendUnsent()) return false
    this.#owing = null
    return true
  }

  /** Whether something may be appended that is in no ring. */
  mayAppend(): boolean {
    return this.hasAnswered() && this.#upcalls.joints.mayAppend(this)
  }

  /** Whether `drain` would find something; after a `full` one only when there may be room again. */
  ready(): boolean {
    if (this.#owing !== null) return this.#upcalls.joints.mayRepair(this.#owing) && this.#owing.link.room() > 0
    if (!this.#keeping.isReady) return false
    for (const ring of this.#rings) {
      if (ring.after !== 0) continue
      // Without room for its answers a ring waits; its thread rings when it has made some.
      if (ring.note !== -1) {
        if (this.#upcalls.joints.mayTake(ring, this)) return true
      } else if (ring.consumer.poll()) {
        if (ring.link.room() > 0 && (this.full ? this.#keeping.mayHaveRoom() : this.#upcalls.joints.mayTryFor(this)))
          return true
      } else if (ring.orphaned || ring.consumer.drained) return true
    }
    return false
  }

  /** Takes what the rings hold, until something is staged; whether it did anything. */
  drain(): boolean {
    let worked = false
    const hadNoRoom = this.full
    this.full = false
    if (this.#appender.isPending || !this.hasAnswered() || !this.#keeping.isReady) return false
    const mayAppend = this.#upcalls.joints.mayAppend(this)
    for (const ring of this.#inTurn(hadNoRoom)) {
      if (ring.after !== 0) continue
      if (ring.note !== -1) {
        if (this.#takeJoint(ring)) worked = true
        if (this.#joint !== null) break
      } else if (ring.consumer.poll()) {
        if (mayAppend && this.#take(ring)) worked = true
      } else if ((ring.orphaned && !ring.consumer.poll()) || ring.consumer.drained) {
        this.#drained(ring)
        worked = true
      }
      if (this.#appender.staged === null) continue
      this.#turn = this.#rings.indexOf(ring) + 1
      break
    }
    return worked
  }

  #take(ring: IncomingRing): boolean {
    const bytes = this.#appender.take(ring, this.terms.refuses)
    if (this.#appender.isCut) this.full = true
    if (bytes === 0) return false
    this.#upcalls.took(bytes)
    return true
  }

  /** The rings, first the one after that from which something was staged last. */
  #inTurn(hadNoRoom: boolean): readonly IncomingRing[] {
    const rings =
      this.#turn === 0 ? this.#rings : [...this.#rings.slice(this.#turn), ...this.#rings.slice(0, this.#turn)]
    if (!hadNoRoom) return rings
    // A joint that has waited here holds up other partitions as well.
    const held = rings.filter(ring => this.#upcalls.joints.isHeldBy(ring, this))
    return held.length === 0 ? rings : [...held, ...rings.filter(ring => !held.includes(ring))]
  }

  #takeJoint(ring: IncomingRing): boolean {
    const outcome = this.#upcalls.joints.take(ring, this)
    if (typeof outcome === 'boolean') return outcome
    this.#joint = outcome
    this.#turn = this.#rings.indexOf(ring) + 1
    return true
  }

  /** What the last `drain` has taken together with other partitions, once; null: nothing. */
  takeStagedJoint(): StagedJoint | null {
    const joint = this.#joint
    this.#joint = null
    return joint
  }

  // -- as one of several partitions (joints.ts) --------------------------------------------------------------------

  get failure(): number | null {
    return this.#keeping.failure
  }

  get isOnDisk(): boolean {
    return this.#keeping.isOnDisk
  }

  get isFree(): boolean {
    return this.#owing === null && !this.#appender.isPending && this.#keeping.isReady
  }

  get mayHaveRoom(): boolean {
    return this.#keeping.mayHaveRoom()
  }

  get mayTakeMore(): boolean {
    return this.#appender.mayTakeMore
  }

  begin(ring: IncomingRing): void {
    this.#appender.begin(ring)
  }

  takeNext(ring: IncomingRing): boolean {
    const { head } = ring
    ring.passNote()
    if (this.#appender.takeNext()) return true
    ring.backTo(head)
    return false
  }

  takeBack(ring: IncomingRing, head: number): void {
    this.#appender.takeBack()
    ring.takeBack(head)
  }

  giveUpJoint(): void {
    this.#appender.giveUp()
  }

  entry(): StoreEntry | null {
    return this.#appender.entry()
  }

  write(entry: StoreEntry): boolean {
    return this.#keeping.write(entry)
  }

  commitEnd(): void {
    this.#appender.commitEnd()
  }

  answer(): void {
    this.#upcalls.took(this.#appender.answer())
  }

  failStaged(failure: number): void {
    this.#appender.failPending(failure)
  }

  refuse(ring: IncomingRing, status: number): void {
    ring.passNote()
    ring.advance(ring.memory.i32[ring.next() >> 2] as number)
    this.#appender.refuse(ring, status)
  }

  woken(isAppended: boolean): void {
    this.#upcalls.woken(isAppended)
  }

  #drained(ring: IncomingRing): void {
    this.#upcalls.joints.remove(ring)
    this.#rings = this.#rings.filter(other => other !== ring)
    for (const next of this.#rings) if (next.after === ring.id) next.after = 0
    this.#upcalls.ringDrained(ring)
  }
}
