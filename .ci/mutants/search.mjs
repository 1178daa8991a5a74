/**
 * Which test finds a planted fault. Those that load the broken module are run one after the other, nearest first: those
 * beside it, those of its folder, the pure ones, the others; of these the quick ones first. The first that fails has found
 * it, also by a crash or a hang. A test that does not pass unpatched does not count, and one that fails does so twice.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readTests, roomOf } from '../tests/classes.mjs'
import { compiledFrom } from '../tests/modules.mjs'
import { plant } from './operators.mjs'
import { readTap } from './verdict.mjs'

/** What a test of a class is taken to last until it has been measured. */
const SECONDS = { pure: 0.5, simulated: 3, broker: 4, threads: 4, processes: 15 }
/** A test that takes its time unpatched is given this many times as long before it hangs. */
const PATIENCE = 3
const UNPATCHED_SECONDS_MAX = 240

/** Of the tests of a clone: which of them pass unpatched, and in how many seconds. Kept in a file, measured when asked for. */
class Unpatched {
  #file
  #known
  #measuring = new Map()

  constructor(file) {
    this.#file = file
    this.#known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  }

  seconds(test) {
    return this.#known[test.path]?.seconds ?? SECONDS[test.class]
  }

  /** Measured in a copy in which nothing is broken. */
  async of(test, measure) {
    if (this.#known[test.path] !== undefined) return this.#known[test.path]
    if (!this.#measuring.has(test.path)) this.#measuring.set(test.path, measure())
    const { failed, seconds } = await this.#measuring.get(test.path)
    this.#known[test.path] = { passes: failed === null, seconds: Number(seconds.toFixed(2)), failed }
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#known, null, 1))
    renameSync(`${this.#file}.new`, this.#file)
    return this.#known[test.path]
  }
}

export class Search {
  #root
  #tests
  #unpatched
  #options

  /** `seconds` for all tests of a fault, `testSeconds` for one of them; `portion` of sweeps (default: all of them). */
  constructor(root, { unpatched, seconds, testSeconds, portion }) {
    this.#root = root
    this.#tests = readTests(root)
    this.#unpatched = new Unpatched(unpatched)
    this.#options = { seconds, testSeconds, portion }
  }

  /** The source with the fault in it; null if its line is not there. */
  planted({ file, ...fault }) {
    const path = join(this.#root, file)
    return existsSync(path) ? plant(readFileSync(path, 'utf8'), fault) : null
  }

  /** Tests that load a source, in the order in which they are tried. */
  testsOf(file) {
    const module = compiledFrom(file)
    const own = basename(file).replace(/\.c?ts$/, '.')
    const rank = test => {
      if (test.room === roomOf(module)) return basename(test.path).startsWith(own) ? 0 : 1
      return test.class === 'pure' ? 2 : 3
    }
    return this.#tests
      .filter(({ loads }) => loads.has(module))
      .map(test => ({ test, rank: rank(test), seconds: this.#unpatched.seconds(test) }))
      .sort((a, b) => a.rank - b.rank || a.seconds - b.seconds)
      .map(({ test }) => test)
  }

  async #run(copy, test, timeoutSeconds) {
    const { portion } = this.#options
    const { status, ended, stdout, output, seconds } = await copy.run([test.path], {
      timeoutMs: timeoutSeconds * 1000,
      env: {
        TAP: '1',
        TAP_TIMEOUT: String(timeoutSeconds),
        ...(portion !== undefined && { MILLRACE_PORTION: portion }),
      },
    })
    if (ended !== null) return { failed: ended, seconds }
    const { complete, passed, first } = readTap(stdout)
    if (status === 0 && complete && passed > 0 && first === undefined) return { failed: null, seconds }
    return { failed: first?.name ?? output.trim().split('\n').at(-1) ?? `exit ${status}`, seconds }
  }

  /**
   * What becomes of a fault: `found` by a test, `survived` all, or `undecided` within its time. `passed` are those tests
   * that are known not to see it.
   */
  async find(fault, copy, passed = []) {
    const text = this.planted(fault)
    const tests = this.testsOf(fault.file)
    const spent = { tests: 0, seconds: 0 }
    const result = (outcome, more = {}) => ({
      id: fault.id,
      outcome,
      ...more,
      ...spent,
      seconds: Number(spent.seconds.toFixed(1)),
      of: tests.length,
    })
    for (const test of tests) {
      if (passed.includes(test.path)) continue
      if (spent.seconds >= this.#options.seconds) return result('undecided', { passed })
      const usual = await this.#unpatched.of(test, () => this.#run(copy, test, UNPATCHED_SECONDS_MAX))
      if (!usual.passes) continue
      const limit = Math.max(this.#options.testSeconds, PATIENCE * usual.seconds)
      try {
        copy.break(fault.file, text)
        const { failed, seconds } = await this.#run(copy, test, limit)
        spent.tests += 1
        spent.seconds += seconds
        if (failed !== null && (await this.#run(copy, test, limit)).failed !== null)
          return result('found', {
            test: test.path,
            class: test.class,
            how: failed,
            testSeconds: Number(seconds.toFixed(1)),
          })
        passed = [...passed, test.path]
      } finally {
        copy.mend()
      }
    }
    return result('survived')
  }
}
