/**
 * Shows that the tests see what they are there for: breaks one line of the sources at a time and runs the one test that
 * must notice. After a build:
 *
 *   node .ci/mutants.mjs [--room ring] [--only NAME] [--flights]
 *
 * A mutant is data in ROOM/mutants.json:
 *
 *   name      of the mutant
 *   search    a part of one line, which occurs once in the sources of the room; white space counts as one space
 *   in        optional: the declaration around it (function, class, method, const), or `Class.method`, when without
 *             it `search` occurs more often
 *   replace   what stands there instead
 *   test      the test by its name, without `.ts`; of a program as much of its path as makes it the only one
 *   title     optional: a regular expression, only tests of this title are run
 *   args      optional: arguments of the test
 *   says      for a program that prints no TAP: what it prints when it notices, and then it exits with a code
 *
 * Mutants that stand nowhere or at several places, and those whose test does not load what they break, are told all at
 * once before anything runs. Then each is compiled by itself, without a look at its types, into a copy of the tree, and
 * its test run, a sweep in full; as many at a time as there are processors. It is killed when the test fails by an
 * assertion: not by what does not compile, a crash, a TypeError or RangeError, or the time. The same test passes
 * unpatched before. Ends with `N killed, N survived` and exits with 1 when any survived; what is neither counts as
 * survived.
 *
 * With --flights the flights example runs on each mutant as well: `right` means that it saw nothing, as most users
 * would not have.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Copy, share } from './mutants/copy.mjs'
import { readMutants } from './mutants/data.mjs'
import { runTest } from './mutants/verdict.mjs'
import { root } from './tests/modules.mjs'

const UNPATCHED_MS_MAX = 600_000
/** A test is out of time after this, or after so many times what it takes unpatched beside whatever else runs here. */
const TEST_MS_MAX = 120_000
const PATIENCE = 3
const FLIGHTS_MS_MAX = 60_000
const FLIGHTS = ['dist/examples/01-flights/main.js', '--json', '--limit', '100000']
const FIGURES = ['published', 'processed', 'deadLettered', 'sumDelayMin', 'lateFlights']

const { values: options } = parseArgs({
  options: { room: { type: 'string' }, only: { type: 'string' }, flights: { type: 'boolean', default: false } },
})

/** The figures of the flights example, or how it failed. */
async function flights(copy) {
  const { status, ended, stdout } = await copy.run(FLIGHTS, { timeoutMs: FLIGHTS_MS_MAX })
  if (status !== 0) return ended ?? `exit ${status}`
  const found = JSON.parse(stdout.slice(stdout.indexOf('{')))
  return FIGURES.map(name => `${name}=${found[name]}`).join(' ')
}

function testOf({ program, title, args, says }) {
  return JSON.stringify({ program, title, args, says })
}

/** Runs each distinct test once before anything is broken, or the run ends here; how long each may take from now on. */
async function passUnpatched(copies, mutants) {
  const limitsMs = new Map()
  const faults = []
  await share(copies, new Set(mutants.map(testOf)), async (test, copy) => {
    const { kind, detail, seconds } = await runTest(copy, JSON.parse(test), UNPATCHED_MS_MAX)
    if (kind !== 'passed') faults.push(`unpatched: ${test} ${kind}. ${detail}`)
    limitsMs.set(test, Math.max(TEST_MS_MAX, Math.ceil(PATIENCE * seconds * 1000)))
  })
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return limitsMs
}

/** Breaks what the mutant breaks, and says how its test took it. */
async function tryMutant(mutant, copy, { limitsMs, right }) {
  const { source, start, end, path, replace } = mutant
  try {
    copy.break(path, source.text.slice(0, start) + replace + source.text.slice(end))
  } catch (error) {
    return { kind: 'does not compile:', seconds: 0, detail: error.message, flight: '' }
  }
  try {
    const verdict = await runTest(copy, mutant, limitsMs.get(testOf(mutant)))
    return { ...verdict, flight: options.flights ? ((await flights(copy)) === right ? 'right' : 'wrong') : '' }
  } finally {
    copy.mend()
  }
}

function line(...cells) {
  const widths = [8, 38, 8, 8]
  console.log(
    cells
      .map((cell, index) => String(cell).padEnd(widths[index] ?? 0))
      .join(' ')
      .trimEnd(),
  )
}

async function run(mutants) {
  const jobs = Math.min(availableParallelism(), mutants.length)
  const copies = Array.from({ length: jobs }, () => new Copy(root))
  const limitsMs = await passUnpatched(copies, mutants)
  const right = options.flights ? await flights(copies[0]) : null
  line('result', 'mutant', 'seconds', options.flights ? 'flights' : '', 'how')
  const results = new Map()
  const printed = { killed: 0, unseen: 0, count: 0 }
  await share(copies, mutants, async (mutant, copy) => {
    results.set(mutant, await tryMutant(mutant, copy, { limitsMs, right }))
    // In the order of the data, each as soon as those before it are there.
    for (; results.has(mutants[printed.count]); printed.count++) {
      const { name } = mutants[printed.count]
      const { kind, seconds, detail, flight } = results.get(mutants[printed.count])
      const isKilled = kind === 'asserted'
      if (isKilled) printed.killed += 1
      if (flight === 'right') printed.unseen += 1
      const how = isKilled ? detail : `${kind} ${detail}`
      line(isKilled ? 'killed' : 'SURVIVED', name, seconds.toFixed(1), flight, how.slice(0, 120))
    }
  })
  return printed
}

const { mutants: all, faults } = readMutants(root)
const mutants = all.filter(({ name, room }) => (options.only ?? name) === name && (options.room ?? room) === room)
if (faults.length > 0) {
  console.error(`${faults.join('\n')}\n${faults.length} to repair in mutants.json; nothing was run`)
  process.exitCode = 1
} else if (mutants.length === 0) {
  console.error('no mutant has that name or room')
  process.exitCode = 1
} else {
  const { killed, unseen } = await run(mutants)
  if (options.flights) console.log(`the flights example is right on ${unseen} of ${mutants.length}`)
  console.log(`${killed} killed, ${mutants.length - killed} survived`)
  process.exitCode = killed === mutants.length ? 0 : 1
}
