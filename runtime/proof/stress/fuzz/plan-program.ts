/**
 * Makes a program from a seed. Pure: the same seed gives the same plan.
 *
 * A program has a subject, which decides on what happens often in it; everything else is by chance. What must not occur is left
 * out here: dead-letter topics that are full, losses of power, clocks that are set.
 */

import { Chance } from '../../sim/chance.ts'
import type {
  Fate,
  GroupOrder,
  KillPlan,
  LifePlan,
  ProgramPlan,
  PublisherPlan,
  PublishStep,
  Style,
  TopicPlan,
} from './plan.ts'
import { type GroupBasis, planSteps } from './plan-groups.ts'
import type { Subject } from './subject.ts'

/** Of ten programs so many are on disk. */
const DISK_SHARE = 0.35
const WINDOWS = [65_536, 65_536, 131_072, 1_048_576] as const
const OUTPUT = 'out'
/** Records of a batch of which a group that delivers at most once has several to do. */
export const CROWD = 400

export function subjectOf(seed: number, place: ProgramPlan['place']): Subject {
  const chance = new Chance(seed ^ 0x51b7)
  const subjects: readonly Subject[] =
    place === 'disk'
      ? ['mixed', 'mixed', 'closing', 'moving', 'claims', 'claims', 'claims', 'claims', 'outputs']
      : ['mixed', 'mixed', 'closing', 'closing', 'moving', 'full', 'full', 'outputs']
  return chance.pick(subjects)
}

export function planProgram(seed: number, kills: boolean): ProgramPlan {
  const chance = new Chance(seed)
  const place = chance.happens(DISK_SHARE) ? 'disk' : 'memory'
  const subject = subjectOf(seed, place)
  const topics = planTopics(chance, place, subject)
  const groups = planGroups(chance, topics, subject)
  const count = place === 'memory' ? 1 : kills ? chance.between(2, 4) : chance.between(1, 3)
  const lives = Array.from({ length: count }, (_, life): LifePlan => {
    const isLast = life === count - 1
    return {
      publishers: planPublishers(chance, topics, subject, place, life),
      groups: groups.map(group => ({
        ...group,
        steps: planSteps(chance, group, topicOf(topics, group.topic), subject, life),
      })),
      stopsFirst: chance.happens(0.5),
      kill: kills && !isLast && chance.happens(0.85) ? planKill(chance, subject) : null,
    }
  })
  return { seed, place, partitionThreads: place === 'disk' && chance.happens(0.3) ? 2 : 1, topics, lives }
}

function topicOf(topics: readonly TopicPlan[], name: string): TopicPlan {
  return topics.find(topic => topic.name === name) as TopicPlan
}

function planTopics(chance: Chance, place: ProgramPlan['place'], subject: Subject): TopicPlan[] {
  const durability = (): TopicPlan['durability'] => (place === 'memory' ? 'memory' : chance.pick(['os', 'os', 'fsync']))
  const count = subject === 'claims' ? 1 : chance.pick([1, 1, 2])
  const topics = Array.from(
    { length: count },
    (_, n): TopicPlan => ({
      name: `in${n}`,
      partitions:
        subject === 'moving'
          ? chance.between(2, 4)
          : subject === 'claims'
            ? chance.between(1, 2)
            : subject === 'full'
              ? chance.pick([1, 1, 1, 2])
              : chance.pick([1, 1, 2, 3]),
      codec: chance.pick(['json', 'json', 'bytes', 'string']),
      onFull: subject === 'full' ? (chance.happens(0.7) ? 'reject' : 'wait') : chance.pick(['wait', 'wait', 'reject']),
      windowBytes: subject === 'full' ? 65_536 : chance.pick(WINDOWS),
      durability: durability(),
    }),
  )
  if (subject === 'outputs' || subject === 'closing' || chance.happens(0.3))
    topics.push({
      name: OUTPUT,
      partitions: chance.pick([1, 2]),
      codec: 'json',
      onFull: 'wait',
      windowBytes: subject === 'outputs' ? 65_536 : chance.pick(WINDOWS),
      durability: durability(),
    })
  return topics
}

function planGroups(chance: Chance, topics: readonly TopicPlan[], subject: Subject): GroupBasis[] {
  const hasOutput = topics.some(({ name }) => name === OUTPUT)
  const stalling = chance.below(2)
  return topics.flatMap((topic, n): GroupBasis[] => {
    const count = topic.name === OUTPUT || subject === 'claims' ? 1 : chance.pick([1, 1, 2])
    return Array.from({ length: count }, (_, m): GroupBasis => {
      const style = topic.name === OUTPUT ? 'plain' : styleOf(chance, subject, m)
      const retryOrder =
        style === 'plain' ? chance.pick<GroupOrder>(['partition', 'partition', 'key', 'none']) : 'partition'
      const makes =
        hasOutput &&
        topic.name !== OUTPUT &&
        style !== 'atMostOnce' &&
        m === 0 &&
        (subject === 'outputs' || chance.happens(0.5))
      return {
        name: `g${n}${m}`,
        topic: topic.name,
        style,
        order: retryOrder,
        retryOrder,
        attempts: chance.between(2, 4),
        backoffMs: chance.pick([1, 5, 25]),
        output: makes ? OUTPUT : null,
        by: chance.pick(['return', 'context', 'unawaited']),
        stalls: n === 0 && m === 0 && (stalling === 0 || subject === 'claims'),
      }
    })
  })
}

function styleOf(chance: Chance, subject: Subject, nth: number): Style {
  if (subject === 'claims') return 'atMostOnce'
  if (subject === 'moving' && nth === 0) return 'plain'
  if (subject === 'closing' && nth === 0) return chance.happens(0.75) ? 'snapshot' : 'plain'
  return chance.pick<Style>(['plain', 'plain', 'plain', 'snapshot', 'atMostOnce'])
}

function planKill(chance: Chance, subject: Subject): KillPlan {
  if (subject === 'claims' && chance.happens(0.8))
    return { afterStall: true, hands: chance.between(1, chance.pick([40, 150, 400])) }
  return { afterMs: chance.pick([0, 5, 20, 60, 150, 300, 600]) + chance.below(60) }
}

function planFates(chance: Chance, subject: Subject): PublisherPlan['fates'] {
  if (subject === 'claims') return { reject: chance.pick([0, 0.01]) }
  if (subject === 'closing') return { reject: chance.pick([0.1, 0.25]), flaky: 0.1, later: 0.2, spin: 0.1, fail: 0.03 }
  const odd: Partial<Record<Fate, number>> = {
    stall: chance.pick([0, 0, 0, 0.01]),
    reject: 0.02,
    fail: 0.02,
    flaky: 0.06,
    later: 0.15,
    spin: 0.03,
  }
  if (subject === 'moving') return { ...odd, later: 0.8 }
  return chance.happens(0.3) ? { later: chance.pick([0.05, 0.5]) } : odd
}

function planPublishers(
  chance: Chance,
  topics: readonly TopicPlan[],
  subject: Subject,
  place: ProgramPlan['place'],
  life: number,
): PublisherPlan[] {
  return topics.flatMap((topic, n): PublisherPlan[] => {
    if (topic.name === OUTPUT) return []
    const count = subject === 'claims' ? 1 : chance.pick([1, 1, 2])
    return Array.from({ length: count }, (_, m) => {
      const isNamed = place === 'disk' && m === 0 && subject !== 'claims' && n === 0
      return {
        name: `p${n}${m}`,
        topic: topic.name,
        steps: planPublishing(chance, subject, isNamed && chance.happens(0.7), life),
        keys: chance.pick([1, 3, 8]),
        unkeyed: isNamed ? 0 : chance.pick([0, 0.2]),
        placed: chance.pick([0, 0.2]),
        headed: chance.pick([0, 0.3]),
        padMax:
          subject === 'claims'
            ? 10
            : subject === 'full'
              ? topic.onFull === 'wait'
                ? 6_000
                : 2_500
              : chance.pick([50, 400, 1_500]),
        fates: planFates(chance, subject),
        hostile: chance.pick([0, 0.3]),
      }
    })
  })
}

function planPublishing(chance: Chance, subject: Subject, isNamed: boolean, life: number): PublishStep[] {
  if (subject === 'claims')
    return [
      ...Array.from(
        { length: chance.between(4, 7) },
        (): PublishStep => ({ do: 'batch', count: CROWD, abortMs: null, timeoutMs: null }),
      ),
      { do: 'pause', ms: chance.below(50) },
      { do: 'batch', count: chance.between(1, 60), abortMs: null, timeoutMs: null },
    ]
  const steps: PublishStep[] = []
  if (isNamed) steps.push({ do: 'named', batches: chance.between(2, 8), count: chance.between(1, 12) })
  const count = chance.between(2, life > 0 ? 4 : 7)
  for (let step = 0; step < count; step++) steps.push(planStep(chance, subject))
  return steps
}

function planStep(chance: Chance, subject: Subject): PublishStep {
  if (subject === 'full' && chance.happens(0.6))
    return {
      do: 'batch',
      count: chance.between(10, 90),
      abortMs: chance.pick([0, 0, 1, 10, null]),
      timeoutMs: chance.pick([null, null, 1, 30]),
    }
  const abortMs = chance.happens(0.15) ? chance.pick([0, 1, 20]) : null
  const timeoutMs = chance.happens(subject === 'full' ? 0.5 : 0.15) ? chance.pick([1, 10, 200]) : null
  const what = chance.below(10)
  if (what < 3)
    return {
      do: 'publish',
      awaits: chance.pick(['each', 'all', 'late']),
      count: chance.between(1, 40),
      abortMs,
      timeoutMs,
    }
  if (what < 5) return { do: 'try', count: chance.between(1, 60) }
  if (what < 7) return { do: 'batch', count: chance.between(1, 80), abortMs, timeoutMs }
  if (what < 8) return { do: 'flush' }
  if (what < 9 && chance.happens(0.3)) return { do: 'grow', count: chance.between(1, 3) }
  if (what < 9 || chance.happens(0.7)) return { do: 'pause', ms: chance.below(60) }
  return { do: 'stall', ms: chance.pick([20, 100, 400]) }
}
