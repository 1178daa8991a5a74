/**
 * Makes the core of a queue on disk: from its log, from what is written down of it, and from what its consumers have.
 *
 * The partition host's thread, once, when the actor of a queue begins. After the death of its host consumers still have what was out. After
 * that of its process nobody has: what was out comes back to its place, with one more hand-out, and marked (stored-facts.ts).
 *
 * The log is gone through only behind the end that is written down. With several priorities it was, from the first message that is not
 * settled on (waiting-scan.ts).
 */
import { wallMs } from '../../actors/world.ts'
import { remainingMs } from '../base/clock.ts'
import { retryDelayMs } from '../base/retry-delay.ts'
import type { SettledAttempt } from '../log/format/settled-change.ts'
import type { SettledState } from '../log/store/settled-state.ts'
import { NO_ATTEMPT } from '../queue/explanation.ts'
import { QueueCore } from '../queue/queue-core.ts'
import type { AttemptFact, QueueFacts } from '../queue/queue-facts.ts'
import type { DueFact, QueueFailure, QueuePolicy } from '../queue/queue-words.ts'
import type { Offset } from '../words/quantities.ts'
import { joined } from './offset-runs.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { activeOf, consumerFact, type KnownHandOuts } from './queue-rebuild.ts'
import type { StoredFacts } from './stored-facts.ts'
import type { StoredSource } from './stored-source.ts'
import type { WaitingScan } from './waiting-scan.ts'

export interface StoredQueue {
  readonly policy: QueuePolicy
  readonly source: StoredSource
  readonly facts: StoredFacts
  /** What is written down, before anything is written again. */
  readonly state: SettledState
  /** All of the log behind what is settled, gone through; null: there is one priority. */
  readonly scan: WaitingScan | null
  /** First offset that was not appended. */
  readonly end: Offset
  /** Whether another process had it before. */
  readonly isNewProcess: boolean
  readonly nowMs: number
  readonly random: () => number
}

/** The core, and what became of the messages that are charged with the death of their process. */
export function storedCore(
  queue: StoredQueue,
  consumers: readonly QueueConsumer[],
): { readonly core: QueueCore; readonly charged: readonly QueueFailure[] } {
  const { policy, source, facts, end, isNewProcess, scan } = queue
  const { floor, settled, out, attempts, known } = queue.state
  const hands: KnownHandOuts = {
    of: offset => ({
      suspect: attempts.get(offset)?.isSuspect ?? false,
      handOuts: attempts.get(offset)?.handOuts ?? 0,
    }),
    isOver: (offset, attempt) => settled.has(offset) || (attempts.get(offset)?.handOuts ?? 0) >= attempt,
  }
  const claimed = consumers.map((consumer, order) => consumerFact(consumer, order, hands))
  const held = new Set(claimed.flatMap(({ claims }) => claims.map(({ offset }) => offset)))
  const plain = [...offsetsOf(out.ranges())].filter(offset => !held.has(offset))
  const came = new Map(attempts)
  const gone: Offset[] = []
  const charged: QueueFailure[] = []
  if (isNewProcess) {
    for (const attempt of afterDeath(queue, plain)) came.set(attempt.offset, attempt)
    for (const effect of chargeAll(queue, came)) {
      charged.push(effect)
      if (effect.kind === 'dropped') gone.push(effect.offset)
    }
  } else {
    // They were not visible yet when their host died.
    for (const offset of plain) facts.takenBack(offset, NO_ATTEMPT)
    for (const { offset, isOut } of attempts.values()) if (isOut && !held.has(offset)) facts.found(offset)
  }
  for (const offset of gone) {
    came.delete(offset)
    scan?.gathered.byPriority[source.priorityOf(offset)]?.remove(offset)
  }
  const ranges = joined([...settled.ranges(), ...gone.map(offset => [offset, offset + 1] as const)])
  // What lies behind the floor without a gap is part of it.
  const start = ranges[0]?.[0] === floor ? (ranges.shift() as [number, number])[1] : floor
  const above = ranges.reduce((sum, [from, to]) => sum + to - from, 0)
  const since = scan?.bytes ?? bytesSince(queue, Math.max(floor, known?.end ?? 0))
  const bytes = (known?.bytes ?? 0) + since
  const { deadLettered, dropped, purged, cancelled } = facts.totals
  const { expired } = facts.times
  const live = end - start - above
  const timedSince = scan?.isTimed ?? isTimedSince(queue, Math.max(floor, known?.end ?? 0))
  // The next change says that the log is known up to here, and so that it has times.
  if (timedSince) facts.timed(end)
  const timed = timedSince || facts.times.end > start
  const due = dueFacts(queue, gone)
  const passed = timed
    ? fellDueMeanwhile(queue, new Set([...due.map(({ offset }) => offset), ...held, ...came.keys(), ...plain]))
    : []
  if (passed.length > 0) facts.fellDue(Float64Array.from(passed), passed.length, end)
  const kept = [...came.values()].map(attempt => attemptFact(queue, attempt))
  const made: QueueFacts = {
    floor: start,
    end,
    settled: ranges,
    bytes: bytes - gone.reduce((sum, offset) => sum + source.bytesOf(offset), 0),
    due: [...due, ...passed.map(offset => ({ offset, place: end }))],
    timed,
    consumers: claimed,
    active: policy.singleActive ? activeOf(claimed, consumers, facts.active) : -1,
    // Those that die first, in the order in which they failed.
    attempts: [
      ...kept.filter(({ dying }) => dying !== null).sort((a, b) => a.lastFailureMs - b.lastFailureMs),
      ...kept.filter(({ dying }) => dying === null).sort((a, b) => a.offset - b.offset),
    ],
    totals: {
      accepted: end,
      acked: end - live - deadLettered - dropped - purged - cancelled - expired,
      deadLettered,
      expired,
      dropped,
      purged,
      cancelled,
    },
    // What a predecessor in this process has handed out lately is not known: as much as may be.
    taken: policy.rate === null || isNewProcess ? [] : [{ ms: queue.nowMs, count: policy.rate.max }],
    lastTag: claimed.reduce((last, { claims }) => claims.reduce((most, { tag }) => Math.max(most, tag), last), 0),
    lastCohort: 0,
  }
  return { core: QueueCore.from(policy, source, made, scan?.gathered), charged }
}

function* offsetsOf(ranges: Iterable<readonly [number, number]>): Generator<Offset> {
  for (const [from, to] of ranges) for (let offset = from; offset < to; offset++) yield offset
}

/** Bytes of what is not settled from an offset on. */
function bytesSince({ source, state, end }: StoredQueue, from: Offset): number {
  let bytes = 0
  for (let offset = from; offset < end; offset++) if (!state.settled.has(offset)) bytes += source.bytesOf(offset)
  return bytes
}

/** Whether any message that is not settled has times, from an offset on. */
function isTimedSince({ source, state, end }: StoredQueue, from: Offset): boolean {
  for (let offset = from; offset < end; offset++) if (!state.settled.has(offset) && source.isTimed(offset)) return true
  return false
}

/** Those of which it is not known that they fell due, and that did while nobody had the queue, in the order of their times. */
function fellDueMeanwhile({ source, state, end }: StoredQueue, known: ReadonlySet<Offset>): Offset[] {
  const fallen: { readonly offset: Offset; readonly sinceMs: number }[] = []
  for (let offset = state.floor; offset < end; offset++) {
    if (state.settled.has(offset) || known.has(offset)) continue
    const sinceMs = source.dueSinceMs(offset)
    if (sinceMs >= 0) fallen.push({ offset, sinceMs })
  }
  return fallen.sort((a, b) => b.sinceMs - a.sinceMs || a.offset - b.offset).map(({ offset }) => offset)
}

function dueFacts({ state, end }: StoredQueue, gone: readonly Offset[]): DueFact[] {
  const isGone = new Set(gone)
  const facts: DueFact[] = []
  for (const { place, offsets } of state.due(end, Number.POSITIVE_INFINITY))
    for (const offset of offsets) if (!isGone.has(offset)) facts.push({ offset, place })
  return facts
}

const FRESH: Omit<SettledAttempt, 'offset'> = {
  handOuts: 0,
  failures: 0,
  isSuspect: false,
  hasSurvived: false,
  isOut: true,
  dying: null,
  firstFailureMs: 0,
  lastFailureMs: 0,
  dueMs: 0,
}

/** Messages that were out when their process died, as they are now but for a charge. */
function afterDeath({ state, facts }: StoredQueue, plain: readonly Offset[]): SettledAttempt[] {
  const known = [...state.attempts.values()].filter(({ isOut }) => isOut)
  const out = [...known, ...plain.map(offset => ({ offset, ...FRESH }))]
  // One that went alone is to blame, and the others are not.
  const isKnown = known.some(({ isSuspect }) => isSuspect)
  return out.map(attempt => {
    const { offset, isSuspect, hasSurvived } = attempt
    const handOuts = attempt.handOuts + 1
    facts.found(offset)
    // Still out: it is to be charged.
    if (isSuspect) return { ...attempt, handOuts }
    if (isKnown) return { ...attempt, handOuts, isOut: false }
    return { ...attempt, handOuts, isOut: false, isSuspect: hasSurvived, hasSurvived: !hasSurvived }
  })
}

/** Charges those that were out alone, and says what becomes of them. */
function chargeAll(queue: StoredQueue, came: Map<Offset, SettledAttempt>): QueueFailure[] {
  const { policy, facts, nowMs, random } = queue
  const effects: QueueFailure[] = []
  for (const attempt of [...came.values()]) {
    if (!attempt.isOut || !attempt.isSuspect) continue
    const { offset, hasSurvived: wasCharged, failures } = attempt
    const wall = Math.round(wallMs())
    const failedAttempts = failures + 1
    const delayMs = Math.round(retryDelayMs(policy.backoff, failedAttempts, random))
    const isLast = wasCharged || failedAttempts >= policy.attempts
    facts.countFailure()
    came.set(offset, {
      ...attempt,
      isOut: false,
      failures: failedAttempts,
      firstFailureMs: failures === 0 ? wall : attempt.firstFailureMs,
      lastFailureMs: wall,
      hasSurvived: true,
      dying: isLast ? 'crashed' : null,
      dueMs: isLast ? 0 : wall + delayMs,
    })
    if (!isLast) effects.push({ kind: 'retrying', offset, failedAttempts, dueMs: nowMs + delayMs })
    else if (policy.hasDeadLetters) effects.push({ kind: 'dying', offset, failedAttempts, reason: 'crashed' })
    else {
      facts.settledAs('dropped', offset)
      effects.push({ kind: 'dropped', offset, failedAttempts, reason: 'crashed' })
    }
  }
  return effects
}

function attemptFact({ facts, nowMs }: StoredQueue, attempt: SettledAttempt): AttemptFact {
  const { offset, handOuts, failures, isSuspect: suspect, dueMs, firstFailureMs, lastFailureMs } = attempt
  if (attempt.hasSurvived) facts.survived(offset)
  return {
    offset,
    handOuts,
    failures,
    failedAt: failures === 0 ? 0 : handOuts,
    suspect,
    cohort: 0,
    // The wall clock may be another one by now: it never waits for longer than it was to wait at first.
    dueMs: dueMs === 0 ? null : nowMs + remainingMs(dueMs, lastFailureMs, wallMs()),
    firstFailureMs,
    lastFailureMs,
    dying: attempt.dying as AttemptFact['dying'],
  }
}
