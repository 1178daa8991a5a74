/**
 * Which partition host owns a partition: the one of its place, a number, modulo how many hosts there are.
 *
 * Pure, the control thread. A topic's partitions have places one after the other from its base on, so that small topics need not
 * all lie on the first host. The base is kept in the catalog for ever, because what a host keeps of a partition lies in its own
 * files. Topics of before have none, and begin at 0. A dead-letter topic that is made for another has the base of that one: letters
 * are written by the host of their record.
 */

/** A topic, as far as its placement is concerned. */
export interface Placed {
  /** Left out: 0. */
  readonly base?: number
}

/** A partition's place. */
export function placeOf({ base = 0 }: Placed, partition: number): number {
  return base + partition
}

/** Number of the host that owns a partition. */
export function hostOf(topic: Placed, partition: number, hosts: number): number {
  return placeOf(topic, partition) % hosts
}
