/**
 * What a queue is made of again after the death of its partition host, and everything that outlives it. The rest is
 * derived.
 *
 * The partition host's thread. Pure. Whoever builds a queue again reads the facts from what survives: the log's end, the
 * settled offsets, the consumers' shared words, the attempts of messages that came back. A queue that is built from the
 * facts of another behaves as that one would have. What was admitted and not appended is no fact, nor is a letter that
 * was on its way.
 *
 * With one priority nothing is read for each message; with more, the priority of each that is ready, unless somebody has gathered them.
 * Where keys are limited, the key of each that is not settled (restored-turns.ts).
 */
import { DYING, READY, RETRYING } from './attempt-table.ts'
import { BEGUN, SUSPECT } from './claims.ts'
import type { Consumer } from './consumers.ts'
import { QueueState, type QueueTotals } from './queue-state.ts'
import type { ConsumerTerms, DueFact, LetterReason, QueueLog, QueuePolicy } from './queue-words.ts'
import type { GatheredMessages } from './ready-index.ts'
import { restoreTurns } from './restored-turns.ts'

export interface ClaimFact {
  readonly slot: number
  readonly tag: number
  readonly offset: number
  readonly handOuts: number
  readonly begun: boolean
  readonly suspect: boolean
  /** When it times out, in `nowMs`; 0: it has not begun, or never does. */
  readonly deadlineMs: number
}

export interface ConsumerFact extends ConsumerTerms {
  readonly consumer: number
  /** Its place in the order of attaching. */
  readonly attached: number
  /** Those that have begun in the order of their deadlines. */
  readonly claims: readonly ClaimFact[]
}

export interface AttemptFact {
  readonly offset: number
  readonly handOuts: number
  readonly failures: number
  readonly failedAt: number
  readonly suspect: boolean
  readonly cohort: number
  /** When it is due, in `nowMs`; null: it does not wait for a retry. */
  readonly dueMs: number | null
  readonly firstFailureMs: number
  readonly lastFailureMs: number
  /** Why it dies; null: it does not. */
  readonly dying: LetterReason | null
}

export interface QueueFacts {
  /** First offset that is not settled. */
  readonly floor: number
  /** First offset that was not appended. */
  readonly end: number
  /** What is settled above the floor, as ranges `[from, to)` in their order. */
  readonly settled: readonly (readonly [number, number])[]
  /** Bytes of what is not settled. */
  readonly bytes: number
  /** What has fallen due and is not settled, in the order in which it did. */
  readonly due: readonly DueFact[]
  /** Whether something that is not settled may be scheduled, or expire; if not, nothing is asked of the log for that. */
  readonly timed: boolean
  /** Those that wait for messages in the order in which they get them. */
  readonly consumers: readonly ConsumerFact[]
  /** With `singleActive` the one that has the queue; -1: none. */
  readonly active: number
  /** Of messages that came back; those that die in the order of their verdicts, then the others by offset. */
  readonly attempts: readonly AttemptFact[]
  readonly totals: Readonly<QueueTotals>
  /** Of a rate: what was handed out in its last time, in that order. */
  readonly taken: readonly { readonly ms: number; readonly count: number }[]
  readonly lastTag: number
  readonly lastCohort: number
}

export function factsOf(state: QueueState): QueueFacts {
  const { settled, ready, consumers, attempts, letters, totals } = state
  const dying = letters.entries()
  const others = [...attempts.entries()].filter(entry => attempts.states[entry] !== DYING)
  others.sort((a, b) => (attempts.offsets[a] as number) - (attempts.offsets[b] as number))
  return {
    floor: settled.floor,
    end: ready.end,
    settled: settled.ranges(),
    bytes: state.bytes + state.schedule.bytes,
    due: ready.dueFacts(),
    timed: state.expiry.any || state.schedule.size > 0,
    consumers: consumers.inOrder().map(consumerFact),
    active: consumers.active?.number ?? -1,
    attempts: [...dying, ...others].map(entry => attemptFact(state, entry)),
    totals: { ...totals },
    taken: state.rate?.counted() ?? [],
    lastTag: state.lastTag,
    lastCohort: state.lastCohort,
  }
}

function consumerFact(consumer: Consumer): ConsumerFact {
  const { claims, priority, prefetch, prefetchBytes, ackTimeoutMs } = consumer
  return {
    consumer: consumer.number,
    priority,
    prefetch,
    prefetchBytes,
    ackTimeoutMs,
    attached: consumer.attached,
    claims: claims.slots().map(slot => {
      const flags = claims.flags[slot] as number
      const begun = (flags & BEGUN) !== 0
      return {
        slot,
        tag: claims.tags[slot] as number,
        offset: claims.offsets[slot] as number,
        handOuts: claims.handOuts[slot] as number,
        begun,
        suspect: (flags & SUSPECT) !== 0,
        deadlineMs: begun ? (claims.deadlines[slot] ?? 0) : 0,
      }
    }),
  }
}

function attemptFact({ attempts }: QueueState, entry: number): AttemptFact {
  const stage = attempts.states[entry]
  return {
    offset: attempts.offsets[entry] as number,
    handOuts: attempts.handOuts[entry] as number,
    failures: attempts.failures[entry] as number,
    failedAt: attempts.failedAt[entry] as number,
    suspect: attempts.suspects[entry] === 1,
    cohort: attempts.cohorts[entry] as number,
    dueMs: stage === RETRYING ? (attempts.dueMs[entry] as number) : null,
    firstFailureMs: attempts.firstFailureMs[entry] as number,
    lastFailureMs: attempts.lastFailureMs[entry] as number,
    dying: stage === DYING ? (attempts.reasons[entry] as LetterReason) : null,
  }
}

export function stateFrom(
  policy: QueuePolicy,
  log: QueueLog,
  facts: QueueFacts,
  gathered: GatheredMessages | null,
): QueueState {
  const { floor, end, settled, consumers } = facts
  const single = policy.priorities === 1
  const deviant = [
    ...settled.flatMap(([from, to]) => [from, to - 1]),
    ...consumers.flatMap(({ claims }) => claims.map(({ offset }) => offset)),
    ...facts.attempts.map(({ offset }) => offset),
    ...facts.due.map(({ offset }) => offset),
  ]
  // With one priority, what lies behind all of these is a range.
  const isPlain = policy.keyConcurrency === Number.POSITIVE_INFINITY
  const ranged =
    single && isPlain && !facts.timed ? deviant.reduce((high, offset) => Math.max(high, offset + 1), floor) : end
  const state = new QueueState(policy, log, [floor, ranged], facts.totals, facts.timed, gathered)
  // What was gathered is ready already.
  const unknown = gathered === null ? state.plain : null
  let from = floor
  for (const [start, to] of settled) {
    state.settled.addRange(start, to)
    unknown?.restore(from, start, log.priorityOf)
    from = to
  }
  unknown?.restore(from, ranged, log.priorityOf)
  state.plain?.append(end - ranged, null, null)
  const settledAbove = settled.reduce((sum, [start, to]) => sum + to - start, 0)
  state.messages = end - floor - settledAbove
  state.bytes = facts.bytes
  state.lastTag = facts.lastTag
  state.lastCohort = facts.lastCohort
  for (const fact of facts.due) restoreDue(state, fact)
  if (facts.timed) restoreTimes(state, facts)
  for (const attempt of facts.attempts) restoreAttempt(state, attempt)
  for (const fact of consumers) restoreConsumer(state, fact)
  for (const { ms, count } of facts.taken) state.rate?.took(count, facts.lastTag + 1, ms)
  if (state.keys !== null) restoreTurns(state, state.keys, facts)
  const active = state.consumers.of(facts.active)
  if (active !== undefined) state.consumers.activate(active)
  return state
}

function restoreDue({ ready, plain, log }: QueueState, { offset, place }: DueFact): void {
  const priority = log.priorityOf(offset)
  plain?.remove(offset, priority)
  ready.fellDue(offset, place)
  plain?.putBack(offset, priority)
}

/** What has a time and has not fallen due is scheduled, unless it is out, waits for a retry, or dies; and when each expires. */
function restoreTimes(state: QueueState, { floor, end, settled, due, attempts, consumers }: QueueFacts): void {
  const { schedule, expiry, ready, log } = state
  // One that came back and was put off has a time again (updating.ts).
  const ended = attempts.filter(({ dying, dueMs }) => dying !== null || dueMs !== null)
  const known = new Set([...due, ...ended, ...consumers.flatMap(({ claims }) => claims)].map(({ offset }) => offset))
  let from = floor
  for (const [start, to] of [...settled, [end, end] as const]) {
    for (let offset = from; offset < start; offset++) {
      expiry.add(offset, log.expiresMsOf(offset))
      const dueMs = known.has(offset) ? 0 : log.dueMsOf(offset)
      if (dueMs === 0) continue
      const bytes = log.bytesOf(offset)
      ready.remove(offset, log.priorityOf(offset))
      schedule.add(offset, dueMs, bytes)
      state.messages--
      state.bytes -= bytes
    }
    from = to
  }
}

function restoreAttempt(state: QueueState, fact: AttemptFact): void {
  const { attempts, log, ready } = state
  const priority = log.priorityOf(fact.offset)
  const entry = attempts.add(fact.offset, priority)
  attempts.handOuts[entry] = fact.handOuts
  attempts.failures[entry] = fact.failures
  attempts.failedAt[entry] = fact.failedAt
  attempts.suspects[entry] = fact.suspect ? 1 : 0
  attempts.cohorts[entry] = fact.cohort
  attempts.firstFailureMs[entry] = fact.firstFailureMs
  attempts.lastFailureMs[entry] = fact.lastFailureMs
  attempts.states[entry] = fact.dying !== null ? DYING : fact.dueMs !== null ? RETRYING : READY
  if (fact.dying !== null) {
    attempts.reasons[entry] = fact.dying
    state.letters.add(entry)
  } else if (fact.dueMs !== null) {
    attempts.dueMs[entry] = fact.dueMs
    state.retries.add(entry)
  } else if (!fact.suspect || state.schedule.has(fact.offset)) return
  // Where keys are limited it is not ready before its turn is known.
  else if (state.keys === null) state.suspects.add(fact.offset, priority)
  ready.remove(fact.offset, priority)
}

function restoreConsumer(state: QueueState, fact: ConsumerFact): void {
  const { attempts, log, ready, suspects } = state
  const consumer = state.consumers.attach(fact.consumer, fact, fact.attached)
  const { claims } = consumer
  for (const { slot, tag, offset, handOuts, begun, suspect, deadlineMs } of fact.claims) {
    const priority = log.priorityOf(offset)
    if (!suspects.remove(offset)) ready.remove(offset, priority)
    claims.restore(slot, tag, offset)
    claims.handOuts[slot] = handOuts
    claims.entries[slot] = attempts.find(offset)
    claims.bytes[slot] = log.bytesOf(offset)
    claims.priorities[slot] = priority
    claims.keys[slot] = state.keys === null ? 0 : log.keyOf(offset)
    claims.flags[slot] = suspect ? SUSPECT : 0
    if (begun) claims.begin(slot, deadlineMs)
    consumer.heldBytes += claims.bytes[slot] as number
    state.unacked++
    if (suspect) consumer.alone = suspects.isOut = true
  }
  state.consumers.refresh(consumer)
}
