/** In which order partitions are asked for their frames of a joint, and how all take theirs, or none. The partition host's thread. Bound: its members. */
import type { JointMember, JointPartition } from './joint-partition.ts'

/** One frame of each; null: all have taken theirs. Else the one that has no room, and none has taken any. */
export function takeOne(order: readonly JointMember[]): JointMember | null {
  const heads = order.map(({ ring }) => ring.head)
  for (const [index, member] of order.entries()) {
    if (member.partition.failure === null && member.partition.takeNext(member.ring)) continue
    for (let taken = index - 1; taken >= 0; taken--) {
      const { partition, ring } = order[taken] as JointMember
      partition.takeBack(ring, heads[taken] as number)
    }
    return member
  }
  return null
}

/**
 * Makes room in a partition that drops others for it, and has found none while all had begun: the letters may go to one of these. False: there is
 * none to be made.
 */
export function makesRoom({ partition, ring }: JointMember): boolean {
  if (!partition.terms.drops || partition.failure !== null) return false
  const { head } = ring
  partition.begin(ring)
  const hasRoom = partition.takeNext(ring)
  if (hasRoom) partition.takeBack(ring, head)
  partition.giveUpJoint()
  return hasRoom
}

/** First the one that had no room before. What refuses comes before what waits, and what drops others for room comes last. */
export function orderOf(members: readonly JointMember[], heldBy: JointPartition | null): readonly JointMember[] {
  const rank = ({ partition }: JointMember): number => {
    if (partition === heldBy) return -1
    if (partition.terms.drops) return 2
    return partition.terms.refuses ? 0 : 1
  }
  const first = rank(members[0] as JointMember)
  return members.every(member => rank(member) === first) ? members : [...members].sort((a, b) => rank(a) - rank(b))
}
