/**
 * A queue's core and its naive model, which get the same calls: what they answer is compared, and all counters, when they are next due,
 * and where a message is. The core is also built again from its facts, which must be those of the model.
 */
import { sum } from './oracle-message.fixture.ts'
import { dueFactsOf } from './oracle-times.fixture.ts'
import { areSame, isSame } from './queue-compare.fixture.ts'
import { QueueCore } from './queue-core.ts'
import type { QueueFacts } from './queue-facts.ts'
import { QueueOracle } from './queue-oracle.fixture.ts'
import type { QueueLog, QueuePolicy } from './queue-words.ts'

/** What went wrong, as an error that ends the seed. */
export class Difference extends Error {}

export class QueuePair {
  readonly oracle: QueueOracle
  readonly #log: QueueLog
  readonly #start: number
  readonly #trace: ((line: string) => void) | null
  core: QueueCore

  /** `log`: without the messages that are settled, of which the core is not to ask. The model asks `all`. */
  constructor(
    policy: QueuePolicy,
    all: QueueLog,
    log: (core: () => QueueCore) => QueueLog,
    start: number,
    trace: ((line: string) => void) | null,
  ) {
    this.#log = log(() => this.core)
    this.#start = start
    this.#trace = trace
    this.core = QueueCore.create(policy, this.#log, start)
    this.oracle = new QueueOracle(policy, all, start)
  }

  /** The core ends, and another one is made of its facts; `keyConcurrency` may have changed. */
  rebuild(policy: QueuePolicy, keyConcurrencyBefore: number): void {
    const before = this.core.facts()
    this.same('the facts', factsOf(this.oracle, this.#start), pick(before))
    this.core = QueueCore.from(policy, this.#log, before)
    this.oracle.rebuilt(policy.keyConcurrency)
    this.#trace?.(`rebuild with ${policy.keyConcurrency} of a key ${JSON.stringify(before)}`)
    // Where fewer of a key may be out, one that waited for a retry may wait for its turn instead.
    if (policy.keyConcurrency >= keyConcurrencyBefore)
      this.same('the facts of what was built from facts', before, this.core.facts())
  }

  both<T>(says: string, call: (queue: QueueCore | QueueOracle) => T): T {
    const expected = call(this.oracle)
    this.#trace?.(`${says} -> ${JSON.stringify(expected)}`)
    this.same(says, expected, call(this.core))
    return expected
  }

  compareAll(nowMs: number, offset: number): void {
    const counters = this.core.counters()
    const expected = this.oracle.counters()
    if (!areSame(expected, counters)) this.same('counters', expected, counters)
    const { accepted, ready, unacked, retrying, scheduled, ...gone } = counters
    const { acked, deadLettered, expired, dropped, purged, cancelled } = gone
    const total = ready + unacked + retrying + scheduled + acked + deadLettered + expired + dropped + purged + cancelled
    if (total !== accepted) throw new Difference(`${accepted} were accepted, and ${total} are somewhere`)
    if (this.core.dueMs > Math.max(this.oracle.dueMs, nowMs))
      throw new Difference(`due at ${this.core.dueMs}, and should be at ${this.oracle.dueMs}`)
    this.same(`explain ${offset}`, this.oracle.explain(offset), this.core.explain(offset))
    const open = this.core.figures.openFrom(offset, this.oracle.end)
    this.same(`open from ${offset}`, this.oracle.openFrom(offset, this.oracle.end), open)
  }

  compareEach(): void {
    for (const { offset } of this.oracle.messages)
      this.same(`explain ${offset}`, this.oracle.explain(offset), this.core.explain(offset))
    for (const offset of this.oracle.settled)
      this.same(`explain ${offset}`, { state: 'settled' }, this.core.explain(offset))
  }

  same(says: string, expected: unknown, found: unknown): void {
    if (!isSame(expected, found))
      throw new Difference(`${says}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
  }
}

/** What facts say of settled messages and of bytes. */
function pick({ floor, end, settled, bytes, active, due }: QueueFacts): unknown {
  return { floor, end, settled, bytes, active, due }
}

/** The same, of the model. */
function factsOf(oracle: QueueOracle, start: number): unknown {
  let floor = start
  while (oracle.settled.has(floor)) floor++
  const settled: [number, number][] = []
  for (let offset = floor; offset < oracle.end; offset++) {
    if (!oracle.settled.has(offset)) continue
    const last = settled.at(-1)
    if (last?.[1] === offset) last[1]++
    else settled.push([offset, offset + 1])
  }
  const due = dueFactsOf(oracle.messages)
  return { floor, end: oracle.end, settled, bytes: sum(oracle.messages), active: oracle.active, due }
}
