/** What the members of a group do in one life: they join, pause, leave, and the group is moved. Pure. */
import type { Chance } from '../../sim/chance.ts'
import type { GroupPlan, GroupStep, MemberKind, MemberPlan, Style, TopicPlan } from './plan.ts'
import type { Subject } from './subject.ts'

export type GroupBasis = Omit<GroupPlan, 'steps'>

const KINDS: Readonly<Record<Style, readonly MemberKind[]>> = {
  plain: ['handle', 'handle', 'keyed', 'batch', 'run', 'runBatch', 'consume', 'observe', 'settle', 'settle'],
  snapshot: ['handle', 'handle', 'run'],
  atMostOnce: ['handle', 'handle', 'run'],
}
/** What a thread costs is a third of a program. */
const THREADS = [1, 1, 1, 2] as const

function planMember(chance: Chance, group: GroupBasis, subject: Subject, n: number): MemberPlan {
  // Handlers make something: those who settle by hand do not.
  const kinds = KINDS[group.style].filter(
    kind => group.output === null || !['consume', 'observe', 'settle'].includes(kind),
  )
  const kind =
    subject === 'moving' && chance.happens(0.8) && kinds.includes('settle')
      ? chance.pick<MemberKind>(['settle', 'settle', 'settle', 'observe', 'consume'])
      : chance.pick(kinds)
  const mayStop = kind === 'handle' || kind === 'consume'
  return {
    name: `${group.name}m${n}`,
    kind,
    threads: chance.pick(THREADS),
    concurrency: kind === 'settle' ? chance.pick([1, 1, 2, 8]) : chance.pick([2, 4, 16]),
    window: chance.pick([1, 16, 100, 200]),
    batchMax: chance.pick([2, 8, 50]),
    aborts: mayStop && kind === 'handle' && chance.happens(0.15),
    stopAt: mayStop && chance.happens(subject === 'closing' ? 0.8 : 0.2) ? chance.between(1, 40) : null,
  }
}

export function planSteps(
  chance: Chance,
  group: GroupBasis,
  { partitions }: TopicPlan,
  subject: Subject,
  life: number,
): GroupStep[] {
  const steps: GroupStep[] = []
  const members: string[] = []
  const names = (): number => life * 100 + members.length
  const join = (): void => {
    const member = planMember(chance, group, subject, names())
    members.push(member.name)
    steps.push({ do: 'join', member })
  }
  const one = (): string => chance.pick(members)
  if (subject === 'claims') {
    join()
    return steps
  }
  // Meanwhile its topic fills up.
  if (subject === 'full' && chance.happens(0.8)) steps.push({ do: 'wait', ms: chance.between(100, 400) })
  if (group.topic === 'out' && chance.happens(0.6)) steps.push({ do: 'wait', ms: chance.between(50, 400) })
  join()
  if (subject === 'moving' || subject === 'closing') {
    steps.push({ do: 'wait', ms: chance.below(40) })
    join()
  }
  const count = chance.between(2, subject === 'moving' || subject === 'closing' ? 9 : 6)
  for (let step = 0; step < count; step++) {
    const what = chance.below(20)
    if (what < 5) join()
    else if (what < 9)
      steps.push({ do: 'stop', member: one(), timeoutMs: chance.happens(0.15) ? chance.pick([1, 50, 500]) : null })
    else if (what < 11) {
      const member = one()
      steps.push({ do: 'pause', member }, { do: 'wait', ms: chance.below(60) }, { do: 'resume', member })
    } else if (what < 12) steps.push({ do: 'idle', member: one() })
    else if (what < 14 && group.style !== 'snapshot')
      steps.push({ do: chance.pick(['browse', 'replay', 'repair', 'purge']) })
    else if (what < 15 && partitions > 0 && group.output === null)
      steps.push({ do: 'seek', to: chance.pick(['earliest', 'latest', 'middle', 'date']) })
    steps.push({ do: 'wait', ms: chance.pick([0, 1, 5, 20, 60]) + chance.below(10) })
    if (members.length > 6) break
  }
  return steps
}
