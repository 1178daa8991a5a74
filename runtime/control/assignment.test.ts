import fc from 'fast-check'
import t from 'tap'
import {
  type AssignmentEffect,
  type AssignmentInput,
  type AssignmentState,
  type Assignor,
  openAssignment,
  step,
} from './assignment.ts'
import { stickyAssignor } from './sticky-assignor.ts'

/** In blocks, by the order of members, wherever partitions are now: of what those who are down do not own. */
const rangeAssignor: Assignor = (partitions, members) => {
  const target = new Map<string, ReadonlySet<number>>()
  for (const [name, { owned }] of members) target.set(name, new Set(owned))
  const taken = new Set([...members.values()].flatMap(({ up, owned }) => (up ? [] : owned)))
  const free = Array.from({ length: partitions }, (_, partition) => partition).filter(each => !taken.has(each))
  const up = [...members].filter(([, member]) => member.up)
  for (const [index, [name]] of up.entries()) {
    const at = (share: number): number => Math.floor((free.length * share) / up.length)
    target.set(name, new Set(free.slice(at(index), at(index + 1))))
  }
  return target
}

/** A group as the threads would see it: who holds what, and what is on its way out. */
class Group {
  partitions: number
  state: AssignmentState
  /** Partition to the member that holds it, up or down. */
  readonly held = new Map<number, string>()
  readonly up = new Set<string>()
  readonly down = new Set<string>()
  readonly leaving = new Map<number, string>()

  readonly #assignor: Assignor

  constructor(partitions: number, assignor = stickyAssignor) {
    this.#assignor = assignor
    this.partitions = partitions
    this.state = openAssignment(partitions)
  }

  /** Takes an input, checks and carries out its effects. */
  input(input: AssignmentInput): readonly AssignmentEffect[] {
    const back = new Map<number, string>()
    switch (input.kind) {
      case 'up':
        for (const member of input.members) {
          for (const [partition, holder] of this.held)
            if (holder === member && this.down.has(member)) back.set(partition, member)
          this.down.delete(member)
          this.up.add(member)
        }
        break
      case 'down':
        this.up.delete(input.member)
        this.down.add(input.member)
        for (const [partition, holder] of this.leaving) {
          if (holder !== input.member) continue
          this.leaving.delete(partition)
          this.held.delete(partition)
        }
        break
      case 'gone':
        for (const member of input.members) {
          this.up.delete(member)
          this.down.delete(member)
          for (const [partition, holder] of this.held) if (holder === member) this.held.delete(partition)
          for (const [partition, holder] of this.leaving) if (holder === member) this.leaving.delete(partition)
        }
        break
      case 'revoked':
        this.leaving.delete(input.partition)
        this.held.delete(input.partition)
        break
      case 'grown':
        this.partitions = input.partitions
        break
    }
    const { state, effects } = step(this.state, input, this.#assignor)
    this.state = state
    for (const effect of effects) {
      const { partition, member } = effect
      if (!this.up.has(member)) throw new Error(`${effect.kind} for ${member}, which is not up`)
      if (effect.kind === 'assign') {
        // A partition of one who was down is given back to it and to nobody else.
        if (back.get(partition) === member) back.delete(partition)
        else if (this.held.has(partition)) throw new Error(`partition ${partition} has two owners`)
        this.held.set(partition, member)
      } else {
        if (this.held.get(partition) !== member) throw new Error(`${member} cannot let go of ${partition}`)
        if (this.leaving.has(partition)) throw new Error(`${partition} is revoked twice`)
        this.leaving.set(partition, member)
      }
    }
    if (back.size > 0) throw new Error('what a member owned was not given back to it')
    return effects
  }

  settle(): AssignmentEffect[] {
    const effects: AssignmentEffect[] = []
    for (let next = [...this.leaving.keys()][0]; next !== undefined; next = [...this.leaving.keys()][0]) {
      effects.push(...this.input({ kind: 'revoked', partition: next }))
    }
    return effects
  }

  counts(): number[] {
    return [...this.up].map(member => [...this.held.values()].filter(holder => holder === member).length)
  }

  ownedBy(member: string): number[] {
    return [...this.held].flatMap(([partition, holder]) => (holder === member ? [partition] : [])).sort((a, b) => a - b)
  }

  /** With nothing on its way: everything is owned, and evenly among those that are up. */
  checkQuiet(): void {
    if (this.up.size === 0) return
    if (this.held.size !== this.partitions)
      throw new Error(`${this.partitions - this.held.size} partitions have no owner`)
    const counts = this.counts()
    if (Math.max(...counts) - Math.min(...counts) > 1) throw new Error(`uneven: ${counts.join(' ')}`)
  }
}

t.test('the published vector: balance first, then stay where you are', async t => {
  // Topics t0 to t3 with two partitions each, numbered through.
  const group = new Group(8)
  group.input({ kind: 'up', members: ['C0', 'C1', 'C2'] })
  t.strictSame(
    ['C0', 'C1', 'C2'].map(member => group.ownedBy(member)),
    [
      [0, 3, 6],
      [1, 4, 7],
      [2, 5],
    ],
  )
  group.input({ kind: 'gone', members: ['C1'] })
  t.strictSame(
    ['C0', 'C2'].map(member => group.ownedBy(member)),
    [
      [0, 3, 4, 6],
      [1, 2, 5, 7],
    ],
  )
})

t.test('members that come together take nothing from each other', async t => {
  const group = new Group(5)
  const effects = group.input({ kind: 'up', members: ['a', 'b'] })
  t.ok(effects.every(({ kind }) => kind === 'assign'))
  group.checkQuiet()
})

t.test('one who joins gets its share and no more is moved; one who leaves disturbs nobody', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }), (partitions, members) => {
      const group = new Group(partitions)
      for (let n = 0; n < members; n++) {
        const effects = [...group.input({ kind: 'up', members: [`m${n}`] }), ...group.settle()]
        const moved = effects.filter(({ kind }) => kind === 'revoke').length
        if (moved > Math.floor(partitions / (n + 1))) throw new Error(`${moved} of ${partitions} moved for member ${n}`)
        group.checkQuiet()
      }
      for (let n = 0; n < members; n++) {
        const effects = group.input({ kind: 'gone', members: [`m${n}`] })
        if (effects.some(({ kind }) => kind === 'revoke')) throw new Error('one who stays lost something')
        group.checkQuiet()
      }
    }),
  )
})

t.test('partitions that are added go to who has least, and nothing is moved for them', async () => {
  const counts = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 5 }),
      counts,
      (partitions, members, more) => {
        const group = new Group(partitions)
        for (let n = 0; n < members; n++) {
          group.input({ kind: 'up', members: [`m${n}`] })
          group.settle()
        }
        for (const count of more) {
          const effects = group.input({ kind: 'grown', partitions: group.partitions + count })
          if (effects.length !== count || effects.some(({ kind }) => kind === 'revoke'))
            throw new Error(`${count} were added, and this came of it: ${JSON.stringify(effects)}`)
          group.checkQuiet()
        }
      },
    ),
  )
})

t.test('one who is down is waited for; the rest is owned by those who are up', async t => {
  const group = new Group(6)
  group.input({ kind: 'up', members: ['a', 'b'] })
  const owned = group.ownedBy('a')
  group.input({ kind: 'down', member: 'a' })
  group.input({ kind: 'up', members: ['c'] })
  group.settle()
  t.strictSame(group.ownedBy('a'), owned)
  t.strictSame(group.counts(), [2, 1])
  group.input({ kind: 'up', members: ['a'] })
  group.settle()
  group.checkQuiet()
  const empty = new Group(3)
  empty.input({ kind: 'up', members: ['a'] })
  empty.input({ kind: 'up', members: ['b'] })
  empty.input({ kind: 'down', member: 'b' })
  empty.settle()
  empty.checkQuiet()
})

t.test('an assignor that moves everything moves it one owner after the other', async t => {
  const group = new Group(4, rangeAssignor)
  group.input({ kind: 'up', members: ['a'] })
  const effects = group.input({ kind: 'up', members: ['b'] })
  t.strictSame(effects, [
    { kind: 'revoke', member: 'a', partition: 2 },
    { kind: 'revoke', member: 'a', partition: 3 },
  ])
  t.strictSame(group.input({ kind: 'revoked', partition: 3 }), [{ kind: 'assign', member: 'b', partition: 3 }])
  t.strictSame(group.settle(), [{ kind: 'assign', member: 'b', partition: 2 }])
  group.checkQuiet()
})

for (const [name, assignor] of Object.entries({ sticky: stickyAssignor, range: rangeAssignor }))
  t.test(
    `${name}: whatever happens in whatever order, no partition has two owners, and in the end each has one`,
    async () => {
      const act = fc.oneof(
        fc.record({
          kind: fc.constant('up' as const),
          members: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 }),
        }),
        fc.record({ kind: fc.constantFrom('down' as const, 'gone' as const), member: fc.nat(5) }),
        fc.record({ kind: fc.constant('revoked' as const), which: fc.nat(20) }),
        fc.record({ kind: fc.constant('grown' as const), more: fc.integer({ min: 1, max: 4 }) }),
      )
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 12 }), fc.array(act, { maxLength: 60 }), (partitions, acts) => {
          const group = new Group(partitions, assignor)
          for (const each of acts) {
            if (each.kind === 'up') {
              const members = each.members.map(String).filter(member => !group.up.has(member))
              if (members.length > 0) group.input({ kind: 'up', members })
            } else if (each.kind === 'grown') {
              group.input({ kind: 'grown', partitions: group.partitions + each.more })
            } else if (each.kind === 'revoked') {
              const leaving = [...group.leaving.keys()]
              const partition = leaving[each.which % Math.max(1, leaving.length)]
              if (partition !== undefined) group.input({ kind: 'revoked', partition })
            } else {
              const member = String(each.member)
              if (each.kind === 'gone') group.input({ kind: 'gone', members: [member] })
              else if (group.up.has(member)) group.input({ kind: 'down', member })
            }
          }
          group.settle()
          group.checkQuiet()
          group.input({ kind: 'gone', members: [...group.down] })
          group.settle()
          group.checkQuiet()
        }),
        { numRuns: 2_000 },
      )
    },
  )
