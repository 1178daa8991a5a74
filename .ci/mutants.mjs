/**
 * Shows that the tests see what they are there for: breaks one line of the sources at a time and runs the one test that
 * must notice. After a build:
 *
 *   node .ci/mutants.mjs [--room ring] [--only NAME] [--flights]
 *
 * A mutant is data in ROOM/mutants.json:
 *
 *   name      of the mutant
 *   file      from the root
 *   search    one line or a part of it, which occurs exactly once in the file
 *   replace   what stands there instead; it must compile
 *   test      the compiled test, from the root
 *   title     optional: a regular expression, only tests of this title are run
 *   args      optional: arguments of the test
 *   says      for a program that prints no TAP: what it prints when it notices, and then it exits with a code
 *
 * Each mutant is patched into a copy of the tree, built, and its test run. It is killed when the test fails by an
 * assertion: not by a build that fails, a crash, a TypeError or RangeError, or the time. The same test passes unpatched
 * before. Ends with `N killed, N survived` and exits with 1 when any survived; what is neither counts as survived.
 *
 * With --flights the flights example runs on each mutant as well: `right` means that it saw nothing, as most users
 * would not have.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Parser } from 'tap-parser'

const BUILD_MS_MAX = 120_000
const TEST_MS_MAX = 120_000
const FLIGHTS_MS_MAX = 60_000
const FLIGHTS = ['dist/examples/01-flights/main.js', '--json', '--limit', '100000']
const FIGURES = ['published', 'processed', 'deadLettered', 'sumDelayMin', 'lateFlights']
/** Errors that a broken program throws by itself; a test that means to fail throws none of them. */
const CRASHES = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values: options } = parseArgs({
  options: { room: { type: 'string' }, only: { type: 'string' }, flights: { type: 'boolean', default: false } },
})

/** The chosen mutants, after a look at whether their searches still find one place. */
function readMutants() {
  const rooms = readdirSync(root).filter(room => existsSync(join(root, room, 'mutants.json')))
  const all = rooms.flatMap(room =>
    JSON.parse(readFileSync(join(root, room, 'mutants.json'), 'utf8')).map(mutant => ({ room, ...mutant })),
  )
  const names = new Set()
  for (const { name, file, search, replace, test } of all) {
    if (names.has(name)) throw new Error(`two mutants are named ${name}`)
    names.add(name)
    const places = readFileSync(join(root, file), 'utf8').split(search).length - 1
    if (places !== 1) throw new Error(`${name}: what it searches for occurs ${places} times in ${file}, not once`)
    if (search.includes('\n') || search === replace) throw new Error(`${name}: replace a part of one line by another`)
    if (!existsSync(join(root, test))) throw new Error(`${name}: there is no ${test}; npm run build makes it`)
  }
  const chosen = all.filter(({ name, room }) => (options.only ?? name) === name && (options.room ?? room) === room)
  if (chosen.length === 0) throw new Error('no mutant has that name or room')
  return chosen
}

/** A copy of sources and build, whose packages are the same and whose workspace is its own. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  const left = ['node_modules', '.git', '.tap', 'coverage']
  cpSync(root, copy, {
    recursive: true,
    preserveTimestamps: true,
    filter: source => dirname(source) !== root || !left.includes(basename(source)),
  })
  mkdirSync(join(copy, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules'))) {
    const target = name === 'sharedarraybuffer-ring' ? join(copy, 'ring') : join(root, 'node_modules', name)
    symlinkSync(target, join(copy, 'node_modules', name))
  }
  return copy
}

function node(copy, args, timeout, env = {}) {
  const started = performance.now()
  const { status, signal, error, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
    env: { ...process.env, ...env },
  })
  const ended = error?.code === 'ETIMEDOUT' ? 'out of time' : (signal ?? error?.code ?? null)
  return { status, ended, stdout, output: stdout + stderr, seconds: (performance.now() - started) / 1000 }
}

/** Builds what a test needs, or everything; `null`, or why it does not build. */
function build(copy, test) {
  const room = options.flights || test === undefined ? [] : [test.split('/').find(part => part !== 'dist')]
  const { status, ended, output } = node(copy, ['.ci/build.mjs', ...room], BUILD_MS_MAX)
  return status === 0 ? null : `does not build: ${ended ?? output.split('\n')[0]}`
}

/** How a run that printed TAP failed: `asserted`, how many tests passed, and the first thing that was not ok. */
function readTap(text) {
  const failed = []
  let passed = 0
  const parser = new Parser()
  parser.on('result', ({ ok, skip, todo, diag, fullname }) => {
    if (skip || todo) return
    if (ok) passed += 1
    else failed.push({ name: fullname, kind: diag?.type ?? diag?.cause?.type, diag })
  })
  parser.end(text)
  const asserted = failed.find(
    ({ name, kind, diag }) =>
      !CRASHES.includes(kind) && diag?.tapCaught !== 'uncaughtException' && !/(timeout!|test unfinished)$/.test(name),
  )
  return { complete: parser.planEnd !== -1, passed, asserted, first: asserted ?? failed[0] }
}

/** Runs a mutant's test. `kind` is `passed`, `asserted`, or else why it is neither. */
function runTest(copy, { test, title, args = [], says }) {
  const env = { TAP: '1', TAP_TIMEOUT: String(TEST_MS_MAX / 1000), ...(title && { TAP_GREP: `/${title}/` }) }
  const { status, ended, stdout, output, seconds } = node(copy, [test, ...args], TEST_MS_MAX, env)
  if (ended !== null) return { kind: ended, seconds, detail: '' }
  if (says !== undefined) {
    if (status === 0) return { kind: 'passed', seconds, detail: '' }
    return { kind: output.includes(says) ? 'asserted' : `exit ${status} without a word`, seconds, detail: says }
  }
  const { complete, passed, asserted, first } = readTap(stdout)
  const detail = first?.name ?? output.trim().split('\n').at(-1)
  if (!complete) return { kind: 'crashed', seconds, detail }
  if (status === 0) return { kind: passed > 0 ? 'passed' : 'ran no test', seconds, detail: '' }
  return { kind: asserted ? 'asserted' : 'failed, by no assertion', seconds, detail }
}

/** The figures of the flights example, or how it failed. */
function flights(copy) {
  const { status, ended, stdout } = node(copy, FLIGHTS, FLIGHTS_MS_MAX)
  if (status !== 0) return ended ?? `exit ${status}`
  const found = JSON.parse(stdout.slice(stdout.indexOf('{')))
  return FIGURES.map(name => `${name}=${found[name]}`).join(' ')
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

const mutants = readMutants()
const copy = copyTree()
let killed = 0
let unseen = 0
try {
  const fault = build(copy)
  if (fault !== null) throw new Error(`unpatched: ${fault}`)
  for (const key of new Set(
    mutants.map(({ test, title, args, says }) => JSON.stringify({ test, title, args, says })),
  )) {
    const { kind, detail } = runTest(copy, JSON.parse(key))
    if (kind !== 'passed') throw new Error(`unpatched: ${key} ${kind}. ${detail}`)
  }
  const right = options.flights ? flights(copy) : null
  line('result', 'mutant', 'seconds', options.flights ? 'flights' : '', 'how')
  for (const mutant of mutants) {
    const path = join(copy, mutant.file)
    const source = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      source.replace(mutant.search, () => mutant.replace),
    )
    const fault = build(copy, mutant.test)
    const { kind, seconds, detail } = fault === null ? runTest(copy, mutant) : { kind: fault, seconds: 0, detail: '' }
    const flight = options.flights && fault === null ? (flights(copy) === right ? 'right' : 'wrong') : ''
    writeFileSync(path, source)
    if (kind === 'asserted') killed += 1
    if (flight === 'right') unseen += 1
    const how = kind === 'asserted' ? detail : `${kind} ${detail}`
    line(kind === 'asserted' ? 'killed' : 'SURVIVED', mutant.name, seconds.toFixed(1), flight, how.slice(0, 120))
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
if (options.flights) console.log(`the flights example is right on ${unseen} of ${mutants.length}`)
console.log(`${killed} killed, ${mutants.length - killed} survived`)
process.exitCode = killed === mutants.length ? 0 : 1
