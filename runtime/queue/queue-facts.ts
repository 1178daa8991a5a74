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
 */
import { DYING, READY, RETRYING } from './attempt-table.ts'
import { BEGUN, SUSPECT } from './claims.ts'
import type { Consumer } from './consumers.ts'
import { QueueState, type QueueTotals } from './queue-state.ts'
import type { ConsumerTerms, LetterReason, QueueLog, QueuePolicy } from './queue-words.ts'
import type { GatheredMessages } from './ready-index.ts'

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
  /** Those that wait for messages in the order in which they get them. */
  readonly consumers: readonly ConsumerFact[]
  /** With `singleActive` the one that has the queue; -1: none. */
  readonly active: number
  /** Of messages that came back; those that die in the order of their verdicts, then the others by offset. */
  readonly attempts: readonly AttemptFact[]
  readonly totals: Readonly<QueueTotals>
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
    bytes: state.bytes,
    consumers: consumers.inOrder().map(consumerFact),
    active: consumers.active?.number ?? -1,
    attempts: [...dying, ...others].map(entry => attemptFact(state, entry)),
    totals: { ...totals },
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
  ]
  // With one priority, what lies behind all of these is a range.
  const ranged = single ? deviant.reduce((high, offset) => Math.max(high, offset + 1), floor) : end
  const state = new QueueState(policy, log, [floor, ranged], facts.totals, gathered)
  let from = floor
  for (const [start, to] of settled) {
    state.settled.addRange(start, to)
    if (gathered === null) state.ready.restore(from, start, log.priorityOf)
    from = to
  }
  if (gathered === null) state.ready.restore(from, ranged, log.priorityOf)
  state.ready.append(end - ranged, null)
  const settledAbove = settled.reduce((sum, [start, to]) => sum + to - start, 0)
  state.messages = end - floor - settledAbove
  state.bytes = facts.bytes
  state.lastTag = facts.lastTag
  state.lastCohort = facts.lastCohort
  for (const attempt of facts.attempts) restoreAttempt(state, attempt)
  for (const fact of consumers) restoreConsumer(state, fact)
  const active = state.consumers.of(facts.active)
  if (active !== undefined) state.consumers.activate(active)
  return state
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
  } else if (fact.suspect) state.suspects.add(fact.offset, priority)
  else return
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
    claims.flags[slot] = suspect ? SUSPECT : 0
    if (begun) claims.begin(slot, deadlineMs)
    consumer.heldBytes += claims.bytes[slot] as number
    state.unacked++
    if (suspect) consumer.alone = suspects.isOut = true
  }
  state.consumers.refresh(consumer)
}
