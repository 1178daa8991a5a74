/**
 * The suite that each engine passes: cases by name, each a function that throws when the engine does otherwise.
 *
 * The thread that runs it. It knows no test runner: register each case as a test of your own, or call `runAll`. Cases
 * run one after another. Each waits for expected records, `patienceMs` at most, and watches for forbidden ones for
 * `quietMs`.
 */
import type { Capabilities } from '../capabilities.ts'
import type { Engine } from '../engine.ts'
import { GROUP_CASES } from './group-cases.ts'
import { RECORD_CASES } from './record-cases.ts'
import { SEEK_CASES } from './seek-cases.ts'
import { TOPIC_CASES } from './topic-cases.ts'
import { Trial } from './trial.ts'

/** The engine to test, and limits of the suite. */
export interface ConformanceTarget {
  /**
   * Opens the engine on a store of this name. The same name after `close` is the same store, with its durable records;
   * another name is another store.
   */
  open(store: string): Promise<Engine>
  /** Claims of the engine; the cases test them. */
  readonly supports: Capabilities
  /** Prefix of the names of stores and topics; default `conformance`. Servers that outlive a run need another one each time. */
  readonly prefix?: string | undefined
  /** Time to wait for an expected record, in ms; default 5,000. */
  readonly patienceMs?: number | undefined
  /** Time to watch for a forbidden record, in ms; default 100. Raise it for an engine behind a network. */
  readonly quietMs?: number | undefined
}

/** One case of the suite. */
export interface ConformanceCase {
  /** Name of the case: the rule that it tests. */
  readonly name: string
  /**
   * Runs the case.
   *
   * @throws AssertionError, or an error of the engine
   */
  run(): Promise<void>
}

/** The suite for one engine. */
export interface Conformance {
  /** Cases that apply to the engine's claims, in order. */
  readonly cases: readonly ConformanceCase[]
  /** Names of the cases that do not apply. */
  readonly leftOut: readonly string[]
  /**
   * Runs all cases and closes; resolves with their names.
   *
   * @throws AggregateError whose `errors` have the error of each failed case as `cause`, and its name as message
   */
  runAll(): Promise<readonly string[]>
  /** Closes the engine that cases share; for callers that run single cases. */
  close(): Promise<void>
}

const ALL_CASES = [...TOPIC_CASES, ...RECORD_CASES, ...GROUP_CASES, ...SEEK_CASES]

/** The suite for an engine. */
export function conformance(target: ConformanceTarget): Conformance {
  const { supports, prefix = 'conformance', patienceMs = 5_000, quietMs = 100 } = target
  const trial = new Trial(store => target.open(store), supports, { patienceMs, quietMs }, prefix)
  const cases = ALL_CASES.filter(each => each.applies(supports)).map(each => ({
    name: each.name,
    async run(): Promise<void> {
      let isBroken = true
      try {
        await each.run(trial)
        isBroken = false
      } finally {
        await trial.tidy(isBroken)
      }
    },
  }))
  const leftOut = ALL_CASES.filter(each => !each.applies(supports)).map(({ name }) => name)
  return {
    cases,
    leftOut,
    close: () => trial.close(),
    async runAll() {
      const errors: Error[] = []
      for (const { name, run } of cases)
        await run().catch((cause: unknown) => errors.push(new Error(`${name}: ${String(cause)}`, { cause })))
      await trial.close()
      if (errors.length > 0)
        throw new AggregateError(
          errors,
          `${errors.length} of ${cases.length} cases failed:\n${errors.map(({ message }) => message).join('\n')}`,
        )
      return cases.map(({ name }) => name)
    },
  }
}
