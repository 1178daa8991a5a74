/**
 * What the work queues of one seed are about: how each is set up, who sends, who consumes, and what befalls its consumers.
 *
 * Drawn from streams of chance of its own, before anything runs: what a seed without queues does is not touched by it.
 */

import type { Rate } from '../../words/common-options.ts'
import type { GroupFacts, QueueFacts } from '../history/history.ts'
import { Chance } from './chance.ts'
import type { HandlerPlan } from './lab.ts'
import { FAULTS, type FaultKind, type GroupKind, type MessagePlan, SCRIPTS, STALL_MS_MAX } from './plan.ts'

/** What is done to consumers while messages are sent. */
export type QueueAct = 'pause' | 'restart' | 'come' | 'go'

export interface QueueMemberPlan {
  readonly kind: GroupKind
  readonly threads: number
  /** Those of a lower one get what the others have no room for. */
  readonly consumerPriority: number
}

export interface QueueMessagePlan extends MessagePlan {
  readonly priority: number
  /** By which its queue knows it; null: by none. */
  readonly messageId: string | null
  /** 0: none. */
  readonly delayMs: number
  /** Infinity: none. */
  readonly ttlMs: number
}

export interface QueueSenderPlan {
  readonly name: string
  readonly how: 'one' | 'many' | 'batch' | 'try'
  readonly messages: readonly QueueMessagePlan[]
  readonly pauseMs: number
}

export interface QueuePlan {
  readonly name: string
  readonly members: readonly QueueMemberPlan[]
  readonly acts: readonly QueueAct[]
  readonly senders: readonly QueueSenderPlan[]
  readonly priorities: number
  readonly messageTtlMs: number
  readonly maxMessages: number
  readonly maxMessageBytes: number
  /** Small ones must move what is left in them again and again. */
  readonly maxBytes: number | undefined
  readonly onFull: 'wait' | 'reject' | 'dropHead'
  readonly attempts: number
  readonly initialMs: number
  readonly deadLetter: 'own' | 'named' | 'none'
  /** Null: learnt. */
  readonly prefetch: number | null
  readonly concurrency: number
  /** Messages in a call of its handlers, at most; null: they take one. */
  readonly batch: number | null
  readonly atMostOnce: boolean
  readonly singleActive: boolean
  /** How long it knows ids, which its messages have then; 0: they have none. */
  readonly dedupeMs: number
  readonly keyConcurrency: number
  readonly keyOrder: 'fifo' | 'fair'
  /** Hand-outs in a time; null: there is no limit. */
  readonly rate: Rate | null
  readonly output: boolean
  readonly handlerTimeoutMs: number
  readonly ackTimeoutMs: number
  readonly releaseShare: number
  /** Its dead-letter topic is full for a while. */
  readonly lettersWait: boolean
  /** Its messages are updated while they wait; those of a queue that knows ids are not, as another one may have the id by then. */
  readonly isUpdated: boolean
  /** It is deleted while everybody is at work, and made anew under its name. */
  readonly isDeleted: boolean
}

/** Two windows: one that is over again and again, and one that no clock is set beyond. */
const DEDUPE_MS: readonly number[] = [300, 1_000 * 3_600_000]
const SALT = 0x51ed270b
const IDS_SALT = 0x0b5ad4ce
const MORE_SALT = 0x2c1b3c6d
const KEYS_SALT = 0x3ad8025f
const TIMES_SALT = 0x165667b1
const UPDATES_SALT = 0x4d2f8a13
const PREFETCH_MAX = 1_000

/** Faults of handlers that a queue's messages bring about. */
function scriptsOf(faults: ReadonlySet<FaultKind>): readonly string[] {
  return FAULTS.flatMap(fault => (faults.has(fault) ? (SCRIPTS[fault] ?? []) : []))
}

function sendersOf(
  chance: Chance,
  queue: string,
  [priorities, padMax]: readonly [priorities: number, padMax: number],
  faults: ReadonlySet<FaultKind>,
): QueueSenderPlan[] {
  const scripts = scriptsOf(faults)
  const badShare = chance.pick([0.02, 0.06, 0.15])
  const total = chance.pick([12, 24, 48])
  const count = chance.between(1, 2)
  return Array.from({ length: count }, (_, sender) => {
    const name = `${queue}p${sender}`
    const messages = Array.from({ length: Math.ceil(total / count) }, (_, index) => {
      const isBad = scripts.length > 0 && chance.happens(badShare)
      const isStill = faults.has('stall') && chance.happens(0.01)
      return {
        id: `${name}-${index}`,
        key: chance.happens(0.5) ? null : `k${chance.below(5)}`,
        script: isBad ? chance.pick(scripts) : isStill ? 'S' : chance.pick(['k', 'k', 'K', 'b']),
        padBytes: chance.below(padMax + 1),
        priority: chance.below(priorities),
        messageId: null,
        delayMs: 0,
        ttlMs: Number.POSITIVE_INFINITY,
      }
    })
    return { name, how: chance.pick(['one', 'many', 'batch', 'try']), messages, pauseMs: chance.pick([0, 1, 10]) }
  })
}

function queueOf(chance: Chance, more: Chance, name: string, faults: ReadonlySet<FaultKind>): QueuePlan {
  const kinds: readonly GroupKind[] = ['run', 'run', 'handle', 'consume', 'observe']
  // One consumer that has one message: the order of hand-outs is known.
  const isExact = chance.happens(0.35)
  const members = Array.from({ length: isExact ? 1 : chance.between(1, 3) }, () => ({
    kind: chance.pick(kinds),
    threads: isExact ? 1 : chance.between(1, 3),
    consumerPriority: 0,
  }))
  const isRanked = more.happens(0.4)
  const handles = members.every(({ kind }) => kind === 'run' || kind === 'handle')
  const atMostOnce = handles && chance.happens(0.4)
  const priorities = chance.pick([1, 2, 3, 32])
  const batch = handles && !atMostOnce && chance.happens(0.25) ? chance.pick([1, 3, 20]) : null
  const isStalling = faults.has('stall')
  const onFull = chance.pick(['wait', 'wait', 'reject', 'dropHead', 'dropHead'] as const)
  // Large ones come to their consumers in pieces.
  const isLarge = chance.happens(0.25)
  const padMax = isLarge ? 15_000 : chance.pick([0, 40, 600, 2_500])
  const lettersWait = more.happens(0.55)
  const isDeleted = more.happens(0.5) && !lettersWait
  return {
    name,
    members: isRanked ? members.map(member => ({ ...member, consumerPriority: more.pick([-3, 0, 7]) })) : members,
    acts: (['pause', 'restart', 'come', 'go'] as const).filter(
      act => chance.happens(0.5) && !(isExact && (act === 'come' || act === 'go')),
    ),
    senders: sendersOf(chance, name, [priorities, padMax], faults),
    priorities,
    messageTtlMs: Number.POSITIVE_INFINITY,
    maxMessages: chance.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1, 3, 8]),
    maxMessageBytes: isLarge ? 16_384 : 4_096,
    // What makes room must be bounded in bytes.
    maxBytes: isLarge || (onFull !== 'dropHead' && chance.happens(0.4)) ? undefined : chance.pick([6_000, 16_384]),
    onFull,
    attempts: chance.between(1, 4),
    initialMs: chance.pick([1, 20, 100]),
    deadLetter: chance.pick(['own', 'own', 'named', 'none']),
    prefetch: isExact ? 1 : chance.pick([null, 1, 2, 5, 30]),
    batch,
    concurrency: isExact || batch !== null || chance.happens(0.6) ? 1 : chance.pick([2, 8]),
    atMostOnce,
    singleActive: chance.happens(0.25),
    dedupeMs: 0,
    keyConcurrency: Number.POSITIVE_INFINITY,
    keyOrder: 'fifo',
    rate: null,
    output: handles && !atMostOnce && batch === null && chance.happens(0.2),
    handlerTimeoutMs: isStalling ? STALL_MS_MAX * 2 : chance.pick([50, 150, 400]),
    ackTimeoutMs: chance.pick([Number.POSITIVE_INFINITY, 60, 200]),
    releaseShare: chance.pick([0, 0.03, 0.25]),
    lettersWait,
    isUpdated: false,
    isDeleted,
  }
}

/** Limits of keys and of hand-outs. What is handled at most once cannot have the former. */
function limitsOf(chance: Chance, { atMostOnce }: QueuePlan): Pick<QueuePlan, 'keyConcurrency' | 'keyOrder' | 'rate'> {
  const isLimited = chance.happens(0.5) && !atMostOnce
  return {
    keyConcurrency: isLimited ? chance.pick([1, 1, 2, 4]) : Number.POSITIVE_INFINITY,
    keyOrder: isLimited ? chance.pick(['fifo', 'fair']) : 'fifo',
    rate: chance.happens(0.15) ? { max: chance.pick([1, 5, 20]), perMs: chance.pick([1, 10, 40]) } : null,
  }
}

/** The same with delays and times to live. */
function timed(plan: QueuePlan, times: Chance): QueuePlan {
  if (times.happens(0.5)) return plan
  const [delayShare, ttlShare] = [times.pick([0, 0.2, 0.6]), times.pick([0, 0.2, 0.6])]
  const senders = plan.senders.map(sender => ({
    ...sender,
    messages: sender.messages.map(message => ({
      ...message,
      delayMs: times.happens(delayShare) ? times.pick([1, 20, 150, 700, 2_500]) : 0,
      ttlMs: times.happens(ttlShare) ? times.pick([5, 60, 400, 3_000]) : Number.POSITIVE_INFINITY,
    })),
  }))
  return {
    ...plan,
    senders,
    messageTtlMs: times.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 100, 2_000]),
  }
}

export function queuePlansOf(seed: number, faults: ReadonlySet<FaultKind>): readonly QueuePlan[] {
  const chance = new Chance(seed ^ SALT)
  const more = new Chance(seed ^ MORE_SALT)
  if (chance.happens(0.4)) return []
  const plans = [queueOf(chance, more, 'q0', faults)]
  if (chance.happens(0.3)) plans.push(queueOf(chance, more, 'q1', faults))
  const keys = new Chance(seed ^ KEYS_SALT)
  const times = new Chance(seed ^ TIMES_SALT)
  const ids = new Chance(seed ^ IDS_SALT)
  const updates = new Chance(seed ^ UPDATES_SALT)
  return plans
    .map(plan => timed({ ...plan, ...limitsOf(keys, plan) }, times))
    .map(plan => (ids.happens(0.3) ? withIds(plan, ids) : plan))
    .map(plan => ({ ...plan, isUpdated: updates.happens(0.4) && plan.dedupeMs === 0 }))
}

/** Its messages have few ids, so that they meet. */
function withIds(plan: QueuePlan, chance: Chance): QueuePlan {
  const many = chance.pick([3, 10, 40])
  const named = (message: QueueMessagePlan): QueueMessagePlan =>
    chance.happens(0.8) ? { ...message, messageId: `i${chance.below(many)}` } : message
  const senders = plan.senders.map(sender => ({ ...sender, messages: sender.messages.map(named) }))
  return { ...plan, dedupeMs: chance.pick(DEDUPE_MS), senders }
}

export function queueLettersOf({ name, deadLetter }: QueuePlan): string | null {
  if (deadLetter === 'none') return null
  return deadLetter === 'own' ? `${name}.dlq` : `${name}.letters`
}

export function handlerPlanOf({ name, handlerTimeoutMs, output, concurrency }: QueuePlan): HandlerPlan {
  // What is handed out at most once is known to rules of the queue, and to nobody who asks for records that are on disk.
  return { name, handlerTimeoutMs, output, publishes: false, concurrency, atMostOnce: false, snapshots: false }
}

/** `hasSteadyClock`: whether no fault sets the wall clock; `isHeldUp`: whether its host may stand still for a while. */
export function queueFactsOf(plan: QueuePlan, hasSteadyClock: boolean, isHeldUp: boolean): QueueFacts {
  const { name, maxMessages, onFull, attempts, atMostOnce, singleActive, prefetch, concurrency, output, batch } = plan
  const { dedupeMs } = plan
  const deadLetterTopic = queueLettersOf(plan)
  const { keyConcurrency } = plan
  const oneAtATime = concurrency === 1 && !output && batch === null
  const limits = { maxMessages, onFull, attempts, prefetch: prefetch ?? PREFETCH_MAX }
  const hasDelays = plan.isUpdated || plan.senders.some(({ messages }) => messages.some(({ delayMs }) => delayMs > 0))
  // Nothing dies while its dead letters have no room.
  const takesBackInTime = !isHeldUp && !(plan.lettersWait && deadLetterTopic !== null)
  const times = { hasDelays, hasSteadyTimes: hasSteadyClock, takesBackInTime }
  const inTurn = { keyConcurrency, oneAtATime, dedupeMs }
  return { queue: name, ...limits, ...times, atMostOnce, singleActive, ...inTurn, deadLetterTopic }
}

/** The queue as rules on groups and dead letters see it. */
export function groupFactsOf(plan: QueuePlan): GroupFacts {
  const { name, attempts, atMostOnce } = plan
  const deadLetterTopic = queueLettersOf(plan)
  return {
    topic: name,
    group: name,
    attempts,
    ordered: false,
    keyed: false,
    from: 'earliest',
    atMostOnce,
    deadLetterTopic,
  }
}
