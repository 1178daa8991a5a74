/**
 * The steps by which the partitions of a group change hands, whatever an assignor wants.
 *
 * Pure: no clock, no threads. Rules: every partition of a group with members has at most one owner, and gets the one that the
 * assignor wants as soon as its last one has let go; a member that is down keeps what it owns until it is up again or gone for
 * good; one that has something to let go gets nothing new before.
 *
 * Source: revocation per member as KIP-848 reconciles.
 */

export interface Member {
  readonly up: boolean
  /** Partitions that it owns, or owned when it went down. */
  readonly owned: readonly number[]
}

/**
 * Who is to own which partition: of `partitions`, each goes to one member at most, and every member is named. Members own what
 * they are not letting go. One that is down is to own what it has, and nothing more. Pure.
 */
export type Assignor = (partitions: number, members: ReadonlyMap<string, Member>) => Map<string, ReadonlySet<number>>

export interface AssignmentState {
  readonly partitions: number
  readonly members: ReadonlyMap<string, Member>
  /** Partitions on their way out of a member that is up. */
  readonly revoking: ReadonlySet<number>
}

export type AssignmentInput =
  /** Members came, or came up again; those that come together do not take partitions from each other. */
  | { readonly kind: 'up'; readonly members: readonly string[] }
  /** Its thread died; what it owned is fenced. */
  | { readonly kind: 'down'; readonly member: string }
  /** They are gone for good, and what they owned is free. */
  | { readonly kind: 'gone'; readonly members: readonly string[] }
  /** It has let a partition go. */
  | { readonly kind: 'revoked'; readonly partition: number }
  /** The topic has so many partitions now, never fewer: those it did not have are free. */
  | { readonly kind: 'grown'; readonly partitions: number }

export type AssignmentEffect =
  | { readonly kind: 'assign'; readonly member: string; readonly partition: number }
  | { readonly kind: 'revoke'; readonly member: string; readonly partition: number }

export interface AssignmentStep {
  readonly state: AssignmentState
  readonly effects: readonly AssignmentEffect[]
}

export function openAssignment(partitions: number): AssignmentState {
  return { partitions, members: new Map(), revoking: new Set() }
}

export function step(state: AssignmentState, input: AssignmentInput, assignor: Assignor): AssignmentStep {
  const members = new Map(state.members)
  const revoking = new Set(state.revoking)
  const partitions = input.kind === 'grown' ? input.partitions : state.partitions
  const effects: AssignmentEffect[] = []
  switch (input.kind) {
    case 'up': {
      for (const member of input.members) {
        const known = members.get(member)
        members.set(member, { up: true, owned: known?.owned ?? [] })
        if (known?.up === false)
          for (const partition of known.owned) effects.push({ kind: 'assign', member, partition })
      }
      break
    }
    case 'down': {
      const known = members.get(input.member)
      if (known === undefined) break
      // What it was letting go is free; the rest waits for it.
      const owned = known.owned.filter(partition => !revoking.delete(partition))
      members.set(input.member, { up: false, owned })
      break
    }
    case 'gone':
      for (const name of input.members) {
        for (const partition of members.get(name)?.owned ?? []) revoking.delete(partition)
        members.delete(name)
      }
      break
    case 'revoked':
      revoking.delete(input.partition)
      for (const [name, member] of members) {
        if (member.owned.includes(input.partition))
          members.set(name, { ...member, owned: member.owned.filter(each => each !== input.partition) })
      }
      break
    case 'grown':
      break
  }
  rebalance(assignor, partitions, members, revoking, effects)
  return { state: { partitions, members, revoking }, effects }
}

function rebalance(
  assignor: Assignor,
  partitions: number,
  members: Map<string, Member>,
  revoking: Set<number>,
  effects: AssignmentEffect[],
): void {
  const names = [...members.keys()]
  if (names.length === 0) return
  // What is on its way out counts as gone, or the members that are not through yet would seem to own too much.
  const staying = [...members].map(([name, { up, owned }]): [string, Member] => [
    name,
    { up, owned: owned.filter(partition => !revoking.has(partition)) },
  ])
  const target = assignor(partitions, new Map(staying))
  for (const name of names) {
    const member = members.get(name) as Member
    if (!member.up) continue
    const keep = target.get(name) as ReadonlySet<number>
    for (const partition of member.owned) {
      if (keep.has(partition) || revoking.has(partition)) continue
      revoking.add(partition)
      effects.push({ kind: 'revoke', member: name, partition })
    }
  }
  const owned = new Set([...members.values()].flatMap(member => member.owned))
  for (const name of names) {
    const member = members.get(name) as Member
    // A member that still has something to let go gets nothing new.
    if (!member.up || member.owned.some(partition => revoking.has(partition))) continue
    const gained = [...(target.get(name) as ReadonlySet<number>)].filter(partition => !owned.has(partition))
    if (gained.length === 0) continue
    for (const partition of gained) {
      owned.add(partition)
      effects.push({ kind: 'assign', member: name, partition })
    }
    members.set(name, { ...member, owned: [...member.owned, ...gained] })
  }
}
