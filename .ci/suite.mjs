/**
 * Runs the compiled tests. After a build:
 *
 *   node .ci/suite.mjs [OPTION ...] [PATH ...]
 *
 *   PATH            only tests whose path holds one of these
 *   --quick         only pure tests that are no sweeps, in a process for each core
 *   --changed       only those that can tell something of what has changed since the merge base (or --since REVISION)
 *   --class A,B     only these classes: pure, simulated, broker, threads, processes (see tests/classes.mjs)
 *   --sweeps        only the sweeps, x.exhaustive.test, and all of each; otherwise a fortieth of each is done. And the
 *                   stress tests, x.stress.test, which otherwise are done only where a PATH asks for them
 *   --seed N        which fortieth; default: the date, as YYYYMMDD
 *   --jobs N        processes at a time; default: the number of cores, and two more where tests wait as well as compute (all
 *                   but --quick)
 *   --keep-timings  writes down what each file cost (tests/timings.json)
 *
 * Most tests share a process with others, but pure ones with pure ones only. Plain Node runs it: `tap
 * run` would load hooks for coverage and mocks into each test and each worker thread, which makes threads three times as
 * slow to start. The longest come first. A file that ends its process fails, and files that the process did not come to
 * are run in another one; no file is run twice. Prints a line a file, of what fails the assertions and their lines, and the ten
 * slowest. Exits with 1 when anything failed, or nothing was tested.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { changedSince, testsOf } from './tests/changes.mjs'
import { CLASSES, isSweepPath, readTests } from './tests/classes.mjs'
import { root } from './tests/modules.mjs'
import { failureLines } from './tests/report.mjs'
import { expectedSeconds, keepTimings } from './tests/timings.mjs'
import { runUnit } from './tests/unit.mjs'

/** Tests share a process up to this: enough to make its start cheap, and little enough to be spread over the cores. */
const TOGETHER_S = 20
/** One in this many of what a sweep goes through. */
const PORTION = 40
/** Classes whose tests share processes with each other. */
const SHARING = [['pure'], ['broker', 'threads', 'processes']]
const SLOWEST = 10

process.chdir(root)
const { values: options, positionals } = parsed({
  options: {
    quick: { type: 'boolean', default: false },
    changed: { type: 'boolean', default: false },
    since: { type: 'string' },
    class: { type: 'string', default: CLASSES.join() },
    sweeps: { type: 'boolean', default: false },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10).replaceAll('-', '') },
    jobs: { type: 'string' },
    'keep-timings': { type: 'boolean', default: false },
  },
  allowPositionals: true,
})

const isChanged = options.changed || options.since !== undefined

/** What is wrong with the command is a line, and exit code 2. */
function refuse(message) {
  console.error(`${message}\nThe options are listed at the top of .ci/suite.mjs.`)
  process.exit(2)
}

function parsed(config) {
  try {
    return parseArgs(config)
  } catch (error) {
    return refuse(error.message.split('. ')[0])
  }
}

/** The tests that were asked for, and what there is to say of those that were not. */
function chooseTests(all) {
  const classes = options.class.split(',')
  const unknown = classes.find(name => !CLASSES.includes(name))
  if (unknown !== undefined) refuse(`There is no class ${unknown}: choose from ${CLASSES.join()}`)
  const asked = all.filter(
    ({ path, class: name, isSweep, isStress }) =>
      classes.includes(name) &&
      (options.sweeps ? isSweep || isStress : !isStress || positionals.length > 0) &&
      (positionals.length === 0 || positionals.some(part => path.includes(part))),
  )
  if (isChanged) {
    const changed = changedSince(options.since)
    const { chosen, elsewhere } = testsOf(changed, asked)
    if (elsewhere > 0) console.log(`${elsewhere} tests of other rooms load what has changed, too; npm test runs them`)
    if (changed.length === 0) console.log('nothing has changed')
    return chosen
  }
  return options.quick ? asked.filter(({ class: name, isSweep }) => name === 'pure' && !isSweep) : asked
}

/** Expected seconds of tests. What is kept of a sweep is the cost of a portion. */
function cost(paths) {
  const timesOf = path => (options.sweeps && isSweepPath(path) ? PORTION : 1)
  return paths.reduce((sum, path) => sum + timesOf(path) * expectedSeconds(path), 0)
}

/** A process that ends tells what its children have used, and no single test of it does. */
function isMeasuredAlone({ class: name }) {
  return options['keep-timings'] && name === 'processes'
}

/** What is run in one process: a test, or several that may share it. */
function unitsOf(tests, jobs) {
  const shared = tests.filter(each => each.isShared && !(each.isSweep && options.sweeps) && !isMeasuredAlone(each))
  const groups = SHARING.flatMap(classes => {
    const paths = shared.filter(each => classes.includes(each.class)).map(({ path }) => path)
    return grouped(paths, options.quick ? jobs : Math.max(jobs, Math.ceil(cost(paths) / TOGETHER_S)))
  })
  const alone = tests.filter(each => !shared.includes(each)).map(({ path }) => [path])
  return [...groups, ...alone]
    .map(files => ({ files, expectedS: cost(files) }))
    .sort((a, b) => b.expectedS - a.expectedS)
    .map((unit, number) => ({ number, ...unit }))
}

/** The paths in so many groups, or one for each path, that cost as much as each other. */
function grouped(paths, countMax) {
  const groups = Array.from({ length: Math.min(paths.length, countMax) }, () => [])
  // The next goes to whichever has least so far.
  for (const path of paths.toSorted((a, b) => expectedSeconds(b) - expectedSeconds(a)))
    groups.reduce((least, each) => (cost(each) < cost(least) ? each : least)).push(path)
  return groups
}

function tell({ results, unreached, ended, stderr }) {
  for (const { file, passed, failed, failures, cpu } of results) {
    console.log(`${failed === 0 ? 'ok    ' : 'not ok'} ${file} (${passed} passed, ${cpu.toFixed(1)} s)`)
    for (const each of failures) console.log(failureLines(each).join('\n'))
  }
  if (ended !== null && results.length > 1) console.log(`  (their process: ${ended})`)
  if (unreached.length > 0) console.log(`  (not reached, and run in another process: ${unreached.join(' ')})`)
  if (stderr !== '') console.log(stderr.replace(/^/gm, '  ! ').trimEnd().slice(0, 4_000))
}

const since = performance.now()
const all = readTests()
const tests = chooseTests(all)
const jobs = Math.max(1, Number(options.jobs ?? availableParallelism() + (options.quick ? 0 : 2)))
if (tests.some(({ isSweep }) => isSweep))
  console.log(
    options.sweeps ? 'sweeps: all of each' : `sweeps: one in ${PORTION} of each; to repeat it: --seed ${options.seed}`,
  )
const queue = unitsOf(tests, jobs).values()
const env = options.sweeps ? {} : { MILLRACE_PORTION: `${PORTION}:${options.seed}` }
const done = []
let seconds = 0
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (const unit of queue) {
      for (let { files, expectedS } = unit; files.length > 0; expectedS = cost(files)) {
        const outcome = await runUnit({ ...unit, files, expectedS }, env)
        tell(outcome)
        done.push(...outcome.results)
        seconds += outcome.cpu
        files = outcome.unreached
      }
    }
  }),
)

const sum = of => done.reduce((total, each) => total + each[of], 0)
const [passed, failed] = [sum('passed'), sum('failed')]
if (options['keep-timings'])
  keepTimings(
    Object.fromEntries(done.map(({ file, cpu }) => [file, cpu])),
    all.map(({ path }) => path),
  )
done.sort((a, b) => b.cpu - a.cpu)
if (done.length > SLOWEST)
  console.log(
    `slowest: ${done
      .slice(0, SLOWEST)
      .map(({ file, cpu }) => `${file} ${cpu.toFixed(1)} s`)
      .join(', ')}`,
  )
const wrong = done.filter(each => each.failed > 0)
if (wrong.length > 0) console.log(`failed: ${wrong.map(({ file }) => file).join(' ')}`)
console.log(
  `${done.length} files, ${seconds.toFixed(0)} s of processor time, ${((performance.now() - since) / 1_000).toFixed(0)} s`,
)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && (passed > 0 || options.changed) ? 0 : 1
