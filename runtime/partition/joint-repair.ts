/**
 * Gives partitions what a predecessor had committed in others only: it died between two commits of one joint (joints.ts).
 *
 * The partition host's thread. No ring of a joint is released before all its partitions have committed. So a partition whose last commit has
 * taken joint frames that are in its ring still may be ahead of others, whose frames are at the heads of their rings. They take them now,
 * before anything else is appended where it would cover that, or would take their room. Where one has no room they wait for it.
 *
 * Bound: the joints of one append, for each ring that owes.
 */
import { type JointName, ringsOfJoint } from '../wire/joint-note.ts'
import type { IncomingRing, OwedJoint } from './incoming-ring.ts'
import type { JointMember, JointPartition } from './joint-partition.ts'
import { orderOf, takeOne } from './joint-taking.ts'

export class JointRepair {
  readonly #members: ReadonlyMap<number, JointMember>
  /** Rings that owe. */
  readonly #owing = new Set<IncomingRing>()
  /** Who had no room, by the ring that owes. */
  readonly #heldBy = new WeakMap<IncomingRing, JointPartition>()

  constructor(members: ReadonlyMap<number, JointMember>) {
    this.#members = members
  }

  add(ring: IncomingRing): void {
    if (ring.owed.length > 0) this.#owing.add(ring)
  }

  remove(ring: IncomingRing): void {
    this.#owing.delete(ring)
  }

  /** Whether this partition lacks what is owed: the room that it has is for that. */
  isLacking(partition: JointPartition): boolean {
    for (const ring of this.#owing) if (this.#lacks(partition, ring)) return true
    return false
  }

  /** Whether it lacks nothing, now that it was tried. */
  mayAppend(partition: JointPartition): boolean {
    for (const ring of this.#owing) if (!this.isDone(ring) && this.#lacks(partition, ring)) return false
    return true
  }

  /** Whether `mayAppend` may come to something. */
  mayTryFor(partition: JointPartition): boolean {
    if (this.#owing.size === 0) return true
    const owing = [...this.#owing].filter(ring => this.#lacks(partition, ring))
    return owing.length === 0 || owing.some(ring => ring.link.room() > 0 && this.mayTry(ring))
  }

  #lacks(partition: JointPartition, { owed }: IncomingRing): boolean {
    return owed.some(joint => this.#lacking(joint).some(member => member.partition === partition))
  }

  /** Whether trying it may come to something. */
  mayTry(ring: IncomingRing): boolean {
    if (ring.owed.length === 0) return true
    const held = this.#heldBy.get(ring)
    return held === undefined || (held.isFree && held.mayHaveRoom)
  }

  /** Whether all partitions have what this ring owes, now that it was tried. */
  isDone(ring: IncomingRing): boolean {
    if (ring.owed.length === 0) return true
    for (const owed of ring.owed) {
      const lacking = this.#lacking(owed)
      if (lacking.length > 0 && !this.#give(ring, lacking)) return false
    }
    ring.settleOwed()
    this.#owing.delete(ring)
    this.#members.get(ring.id)?.partition.woken(false)
    return true
  }

  /** Whether partitions have this joint that others lack. */
  isOwed(name: JointName): boolean {
    for (const ring of this.#owing) if (ring.owedNote(name) !== -1) return true
    return false
  }

  /** Those at whose heads this joint is: all others have it. The leading one first. */
  #lacking(owed: OwedJoint): readonly JointMember[] {
    const lead = this.#members.get(owed.lead)
    // It was deleted, and with it the list of the others.
    if (lead === undefined) return [...this.#members.values()].filter(({ ring }) => ring.isAt(owed))
    const kept = lead.ring.owedNote(owed)
    const note = kept !== -1 || !lead.ring.isAt(owed) ? kept : lead.ring.note
    if (note === -1) return []
    return ringsOfJoint(lead.ring.memory, note).flatMap(id => {
      const member = this.#members.get(id)
      return member?.ring.isAt(owed) === true ? [member] : []
    })
  }

  /** Appends the joint at their heads to all of them; false: to none. */
  #give(ring: IncomingRing, lacking: readonly JointMember[]): boolean {
    const held = this.#heldBy.get(ring) ?? null
    // What says that it may have room says so once: it is asked anew.
    this.#heldBy.delete(ring)
    if (!lacking.every(({ partition }) => partition.isFree) || ring.link.room() < lacking.length) return false
    for (const member of lacking) member.partition.begin(member.ring)
    const short = takeOne(orderOf(lacking, held))
    if (short !== null) {
      for (const { partition } of lacking) partition.giveUpJoint()
      short.partition.full = true
      short.partition.woken(false)
      this.#heldBy.set(ring, short.partition)
      return false
    }
    const kept = lacking.filter(({ partition }) => {
      const entry = partition.entry()
      if (entry === null || partition.write(entry)) return true
      partition.failStaged(partition.failure ?? 0)
      return false
    })
    // The leading one first, as always: all that lack a joint come after one that has it.
    for (const { partition } of kept) partition.commitEnd()
    for (const { partition } of kept) partition.answer()
    for (const { partition } of kept) partition.woken(true)
    lacking[0]?.ring.tell()
    return true
  }
}
