/** What a seed of the driver plays with: a policy, and where the offsets begin. */
import type { Chance } from '../proof/sim/chance.ts'
import type { UpdateInput } from './queue-visits.fixture.ts'
import type { AppendedFields, ConsumerTerms, QueueLog, QueuePolicy } from './queue-words.ts'
import type { MessageUpdate } from './updating.ts'

/** What a log says of messages without key and times. */
export const PLAIN_LOG: Pick<QueueLog, 'keyOf' | 'dueMsOf' | 'expiresMsOf'> = {
  keyOf: () => 0,
  dueMsOf: () => 0,
  expiresMsOf: () => Number.POSITIVE_INFINITY,
}

/** A queue without bounds, keys that count, or a rate. */
export const PLAIN_POLICY: QueuePolicy = {
  priorities: 1,
  attempts: 3,
  backoff: { initialMs: 100, maxMs: 1_000, jitter: 0 },
  hasDeadLetters: true,
  maxMessages: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  onFull: 'wait',
  singleActive: false,
  keyConcurrency: Number.POSITIVE_INFINITY,
  keyOrder: 'fifo',
  rate: null,
  heldMax: 1_000,
  loopingAfter: 100,
}

/** The fields of messages that have nothing but priorities. */
export function prioritiesOnly(priorities: ArrayLike<number>): AppendedFields {
  return { priorities, dueMs: null, expiresMs: null }
}

/** Near the ends of words, pages and integers, so that few messages cross them. */
const STARTS = [0, 20, 4_080, 3 * 4096 - 40, 2 ** 30 - 10, 2 ** 31 - 30, 2 ** 32 - 20, 2 ** 40 - 4_100]

export function planPolicy(chance: Chance): QueuePolicy {
  const bounded = chance.happens(0.7)
  return {
    priorities: chance.pick([1, 1, 1, 2, 3, 3, 32]),
    attempts: chance.pick([1, 2, 3, 4, Number.POSITIVE_INFINITY]),
    backoff: { initialMs: chance.pick([0, 5, 40]), maxMs: 100, jitter: chance.pick([0, 0.5]) },
    hasDeadLetters: chance.happens(0.8),
    maxMessages: bounded ? chance.pick([1, 6, 20, 40]) : Number.POSITIVE_INFINITY,
    maxBytes: chance.happens(0.5) ? chance.pick([60, 200, 1_000]) : Number.POSITIVE_INFINITY,
    onFull: chance.pick(['wait', 'reject', 'dropHead', 'dropHead']),
    singleActive: chance.happens(0.25),
    keyConcurrency: planKeyConcurrency(chance),
    keyOrder: chance.pick(['fifo', 'fair']),
    // Within 63 ms each moment counts by itself.
    rate: chance.happens(0.15) ? { max: chance.pick([1, 3, 10]), perMs: chance.pick([5, 20, 60]) } : null,
    heldMax: chance.pick([1, 3, 1_000]),
    loopingAfter: chance.pick([1, 2, 3, 100]),
  }
}

export function planStart(chance: Chance): number {
  return chance.pick(STARTS)
}

export function planTerms(chance: Chance): ConsumerTerms {
  return {
    priority: chance.pick([0, 0, 0, 1, -1]),
    prefetch: chance.pick([0, 1, 2, 5, 20]),
    prefetchBytes: chance.happens(0.5) ? chance.pick([10, 40, 100]) : Number.POSITIVE_INFINITY,
    ackTimeoutMs: chance.happens(0.4) ? chance.pick([5, 30, 80]) : Number.POSITIVE_INFINITY,
  }
}

/** Share of the appends of a seed that may be larger than any room: few in the first seeds, which look at all else. */
export function hugeShareOf(seed: number): number {
  return seed > 100 && seed % 2 === 0 ? 0.8 : 0.05
}

/** Sizes of an append; some are larger than any room. */
export function planSizes(chance: Chance, hugeShare: number): number[] {
  const huge = chance.happens(hugeShare)
  return Array.from({ length: chance.pick([1, 1, 1, 2, 3, 6]) }, () =>
    huge && chance.happens(0.5) ? 1_001 : chance.pick([0, 1, 10, 10, 10, 30, 60]),
  )
}

/** Times of messages that are appended at a moment: some are not due yet, some expire; null: in this seed none is. */
export function planTimes(chance: Chance, count: number, nowMs: number): Pick<AppendedFields, 'dueMs' | 'expiresMs'> {
  const dueMs = Array.from({ length: count }, () =>
    chance.happens(0.4) ? Math.max(1, nowMs + chance.pick([-9, -0.5, 0, 1, 1, 5, 5.5, 30, 300, 1e10])) : 0,
  )
  const expiresMs = dueMs.map(due =>
    chance.happens(0.4)
      ? (due || nowMs) + chance.pick([0, 1, 4.5, 20, 60, 1e10])
      : chance.pick([0, Number.POSITIVE_INFINITY]),
  )
  return { dueMs: chance.happens(0.8) ? dueMs : null, expiresMs: chance.happens(0.8) ? expiresMs : null }
}

/** Messages of one key that may be out. */
export function planKeyConcurrency(chance: Chance): number {
  return chance.happens(0.5) ? Number.POSITIVE_INFINITY : chance.pick([1, 1, 2, 3])
}

/** Hash of the key of a message: few, so that they meet; some have none. */
export function planKey(chance: Chance): number {
  return chance.happens(0.2) ? 0 : chance.pick([1, 1, 2, 3, 0x8000_0000, 0xffff_ffff])
}

/** What is to be different of a message, mostly one thing of it. */
export function planUpdate(chance: Chance, input: UpdateInput, priorities: number, nowMs: number): MessageUpdate {
  const has = (wanted: UpdateInput): boolean => input === wanted || chance.happens(0.1)
  const isLong = chance.happens(0.2)
  return {
    priority: has('update its priority') ? chance.below(priorities) : null,
    dueMs: has('update its delay') ? Math.max(1, nowMs + (isLong ? 1e10 : chance.pick([-5, 0, 0.5, 1, 5, 30]))) : null,
    expiresMs: has('update its time to live')
      ? isLong
        ? Number.POSITIVE_INFINITY
        : nowMs + chance.pick([1, 4.5, 20, 60, 1e10])
      : null,
  }
}
