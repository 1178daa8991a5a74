/**
 * Frames that several partitions of one host take together: all of a joint (wire/joint-note.ts), or none.
 *
 * The partition host's thread. A joint is tried once all its frames are at the heads of their rings. Each partition takes its frame, and commits
 * nothing. If one has no room, the others give theirs back: then the joint is refused, or it waits, and so does what is behind it in
 * these rings. Once all have theirs, all commit, and only then a ring is released. So what one has committed, a successor gives the
 * others (joint-repair.ts). As many joints of the same rings as an append has room for are committed together.
 *
 * A ring whose partition has gone is not known here: what it would lead, or be a part of, is refused. So is what a thread had not published whole
 * when it ended.
 *
 * Bound: the rings of this host. Only the partition that has no room tries a joint again.
 */

import { RECEIPT_REFUSED, RECEIPT_WITHHELD } from '../link/link.ts'
import {
  areRingsOf,
  beginsTaking,
  editOf,
  isRefused,
  JOINT_EDIT,
  type JointName,
  jointAt,
  leavesJoint,
  refusesJoint,
  ringsOfJoint,
} from '../wire/joint-note.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { IncomingRing } from './incoming-ring.ts'
import type { JointMember, JointPartition, StagedJoint } from './joint-partition.ts'
import { JointRepair } from './joint-repair.ts'
import { makesRoom, orderOf, takeOne } from './joint-taking.ts'

export class Joints {
  readonly #members = new Map<number, JointMember>()
  readonly #fault: (point: number) => void
  readonly #repair: JointRepair

  /** `fault` stops here for ever if a test has armed this point. */
  constructor(fault: (point: number) => void) {
    this.#fault = fault
    this.#repair = new JointRepair(this.#members)
  }

  add(ring: IncomingRing, partition: JointPartition): void {
    this.#members.set(ring.id, { ring, partition, heldBy: null })
    this.#repair.add(ring)
  }

  /** It is drained. */
  remove(ring: IncomingRing): void {
    this.#members.delete(ring.id)
    this.#repair.remove(ring)
  }

  /** Their partition is gone: what waits for them is refused. */
  gone(rings: readonly IncomingRing[]): void {
    for (const ring of rings) this.remove(ring)
    for (const member of this.#members.values()) {
      member.heldBy = null
      if (member.ring.note !== -1) member.partition.woken(false)
    }
  }

  /** Whether all partitions have what a predecessor had committed in the one of this ring, now that it was tried. */
  isRepaired(ring: IncomingRing): boolean {
    return this.#repair.isDone(ring)
  }

  /** Whether trying that may come to something. */
  mayRepair(ring: IncomingRing): boolean {
    return this.#repair.mayTry(ring)
  }

  /** Whether this partition may append other things: it lacks nothing that a predecessor had committed elsewhere, now that it was tried. */
  mayAppend(partition: JointPartition): boolean {
    return this.#repair.mayAppend(partition)
  }

  /** Whether trying that may come to something. */
  mayTryFor(partition: JointPartition): boolean {
    return this.#repair.mayTryFor(partition)
  }

  /** Whether all of them can take a frame now. */
  #areFree(members: readonly JointMember[]): boolean {
    return members.every(({ partition }) => partition.isFree && !this.#repair.isLacking(partition))
  }

  /** Whether the joint at the head of this ring waits for room of this partition. */
  isHeldBy(ring: IncomingRing, partition: JointPartition): boolean {
    const { note } = ring
    if (note === -1) return false
    const name = jointAt(ring.memory, note)
    const lead = this.#members.get(name.lead)
    return lead?.heldBy === partition && lead.ring.isAt(name)
  }

  /** Whether `take` would do something with the joint at the head of this ring. */
  mayTake(ring: IncomingRing, partition: JointPartition): boolean {
    const name = jointAt(ring.memory, ring.note)
    const lead = this.#leadOf(name)
    if (lead === 'later') return false
    if (lead === 'gone') return ring.link.room() > 0
    const { memory, note } = lead.ring
    const edit = editOf(memory, note)
    if (edit === JOINT_EDIT.editing && !ring.orphaned) return false
    const isWanted = edit === JOINT_EDIT.none && !isRefused(memory, note)
    const { heldBy } = lead
    if (isWanted && heldBy !== null && heldBy !== partition) return false
    const members = this.#membersOf(lead, name)
    if (members === 'later') return false
    if (members === 'gone' || !isWanted) return this.#mayRefuse(this.#thoseAt(lead, name))
    if (!this.#areFree(members) || ring.link.room() < members.length) return false
    return heldBy === null || partition.mayHaveRoom
  }

  /** Takes the joint at the head of this ring, and those behind it; or refuses it. False: it stays where it is. */
  take(ring: IncomingRing, partition: JointPartition): StagedJoint | boolean {
    const name = jointAt(ring.memory, ring.note)
    const lead = this.#leadOf(name)
    if (lead === 'later') return false
    if (lead === 'gone') return this.#refuse([{ ring, partition, heldBy: null }], null, RECEIPT_WITHHELD)
    const { memory, note } = lead.ring
    const edit = editOf(memory, note)
    if (edit === JOINT_EDIT.editing && !ring.orphaned) return false
    const isWanted = edit === JOINT_EDIT.none && !isRefused(memory, note)
    if (isWanted && lead.heldBy !== null && lead.heldBy !== partition) return false
    const members = this.#membersOf(lead, name)
    if (members === 'later') return false
    if (members === 'gone' || !isWanted) {
      lead.heldBy = null
      return this.#refuse(this.#thoseAt(lead, name), null, RECEIPT_WITHHELD)
    }
    if (!this.#areFree(members) || ring.link.room() < members.length) return false
    return beginsTaking(memory, note) && this.#takeAll(lead, members, partition)
  }

  /** Its leading ring, where the joint is at the head. `gone`: it never will be, or no more. */
  #leadOf(name: JointName): JointMember | 'gone' | 'later' {
    const lead = this.#members.get(name.lead)
    if (lead === undefined && this.#repair.isOwed(name)) return 'later'
    if (lead === undefined) return 'gone'
    if (lead.ring.owedNote(name) !== -1) return 'later'
    if (lead.ring.isPast(name.leadEnd)) return 'gone'
    if (lead.ring.isAt(name)) return lead
    return 'later'
  }

  /** All its members, the leading one first. `later`: one has other frames before; `gone`: one is not here any more. */
  #membersOf(lead: JointMember, name: JointName): readonly JointMember[] | 'gone' | 'later' {
    const members: JointMember[] = []
    for (const id of ringsOfJoint(lead.ring.memory, lead.ring.note)) {
      const member = this.#members.get(id)
      if (member === undefined) return 'gone'
      if (!member.ring.isAt(name)) return 'later'
      members.push(member)
    }
    return members
  }

  /** Those of its members that have come to it. */
  #thoseAt(lead: JointMember, name: JointName): readonly JointMember[] {
    const ids = ringsOfJoint(lead.ring.memory, lead.ring.note)
    return ids.flatMap(id => {
      const member = this.#members.get(id)
      return member?.ring.isAt(name) === true ? [member] : []
    })
  }

  /** Whether all of them can answer now. */
  #mayRefuse(members: readonly JointMember[]): boolean {
    return (
      members.every(({ partition }) => partition.isFree) &&
      (members[0] as JointMember).ring.link.room() >= members.length
    )
  }

  /** The leading ring first: once that has gone on, a successor refuses the others' frames as well. */
  #refuse(members: readonly JointMember[], who: JointPartition | null, status: number): boolean {
    if (!this.#mayRefuse(members)) return false
    for (const { ring, partition } of members) {
      partition.refuse(ring, partition === who ? status : RECEIPT_WITHHELD)
      partition.woken(false)
    }
    return true
  }

  #takeAll(lead: JointMember, members: readonly JointMember[], by: JointPartition): StagedJoint | boolean {
    const order = orderOf(members, lead.heldBy)
    lead.heldBy = null
    let short = this.#takeThese(lead, members, order)
    // All others had room, so that what it drops is not in vain.
    if (short !== null && makesRoom(short)) short = this.#takeThese(lead, members, order)
    if (short === null) return this.#stage(members)
    const { memory, note } = lead.ring
    const { partition, ring } = short
    if (partition.failure !== null || partition.terms.refuses) {
      refusesJoint(memory, note)
      return this.#refuse(members, partition, partition.failure ?? RECEIPT_REFUSED)
    }
    leavesJoint(memory, note, ring.id)
    lead.heldBy = partition
    partition.full = true
    if (partition !== by) partition.woken(false)
    return false
  }

  /** Their frames, and those of the joints behind it; null: taken. Else the one that has no room, and none has taken any. */
  #takeThese(lead: JointMember, members: readonly JointMember[], order: readonly JointMember[]): JointMember | null {
    const ids = members.map(({ ring }) => ring.id)
    for (const { partition, ring } of members) partition.begin(ring)
    let joints = 0
    let short = takeOne(order)
    while (short === null) {
      joints++
      if (!this.#goesOn(lead, members, ids)) break
      short = takeOne(order)
      if (short !== null) leavesJoint(lead.ring.memory, lead.ring.note)
    }
    if (joints > 0) return null
    for (const { partition } of members) partition.giveUpJoint()
    return short
  }

  /** Whether the next in the rings is another joint of the same ones, and the append may have it. */
  #goesOn({ ring: { memory, note, link } }: JointMember, members: readonly JointMember[], ids: number[]): boolean {
    if (note === -1 || jointAt(memory, note).lead !== ids[0] || !areRingsOf(memory, note, ids)) return false
    if (link.room() < members.length || editOf(memory, note) !== JOINT_EDIT.none) return false
    const name = jointAt(memory, note)
    const { isOnDisk } = (members[0] as JointMember).partition
    // Where the disk fails, memory gives one frame back.
    for (const { ring, partition } of members)
      if (!partition.mayTakeMore || partition.isOnDisk !== isOnDisk || !ring.isAt(name)) return false
    return beginsTaking(memory, note)
  }

  #stage(members: readonly JointMember[]): StagedJoint | boolean {
    const entries = members.flatMap(({ partition }) => partition.entry() ?? [])
    if (entries.length === 0) {
      this.#commit(members)
      return true
    }
    return {
      entries,
      committed: () => this.#commit(members),
      failed: status => {
        for (const { partition } of members) partition.failStaged(status)
      },
    }
  }

  /** All commit before one is answered. */
  #commit(members: readonly JointMember[]): void {
    for (const { partition } of members) {
      partition.commitEnd()
      this.#fault(FAULT_POINT.jointCommitted)
    }
    for (const { partition } of members) {
      partition.answer()
      this.#fault(FAULT_POINT.jointAnswered)
    }
    members[0]?.ring.tell()
    for (const { partition } of members) partition.woken(true)
  }
}
