/**
 * Who owns which partition of a group: a sticky assignor and the steps by which an assignment changes hands.
 *
 * Pure: no clock, no threads. Rules: every partition of a group with members has at most one owner, and gets one as soon
 * as its last one has let go; counts differ by at most one; who owns keeps, as far as balance allows; a member that is
 * down keeps what it owns until it is up again or gone for good. More members than partitions: the rest stand idle.
 *
 * Source: balance first, then stickiness, as Kafka's sticky assignor; revocation per member as KIP-848 reconciles.
 */

interface Member {
  readonly up: boolean
  /** Partitions that it owns, or owned when it went down. */
  readonly owned: readonly number[]
}

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

export function step(state: AssignmentState, input: AssignmentInput): AssignmentStep {
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
  rebalance(partitions, members, revoking, effects)
  return { state: { partitions, members, revoking }, effects }
}

function rebalance(
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
  const target = targetOf(partitions, new Map(staying))
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

/**
 * The balanced assignment that moves the least. A member that is down is reckoned with for what it owns and gets
 * nothing more; the others share the rest. What is free goes in order to whoever has least.
 */
function targetOf(partitions: number, members: ReadonlyMap<string, Member>): Map<string, Set<number>> {
  const target = new Map<string, Set<number>>()
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition))
  const keep = (name: string, owned: readonly number[]): void => {
    target.set(name, new Set(owned))
    for (const partition of owned) free.delete(partition)
  }
  for (const [name, { up, owned }] of members) if (!up) keep(name, owned)
  const up = [...members].filter(([, member]) => member.up)
  if (up.length === 0) return target
  const least = Math.floor(free.size / up.length)
  let larger = free.size % up.length
  // Those who own most keep one more, so that the fewest partitions move.
  for (const [name, { owned }] of [...up].sort(([, a], [, b]) => b.owned.length - a.owned.length)) {
    const quota = least + (larger > 0 && owned.length > least ? 1 : 0)
    if (quota > least) larger--
    keep(name, owned.slice(0, quota))
  }
  const shares = up.map(([name]) => target.get(name) as Set<number>)
  for (const partition of free) {
    shares.reduce((least, share) => (share.size < least.size ? share : least)).add(partition)
  }
  return target
}
