/**
 * Runs the compiled tests, each in a process of its own as plain Node runs it, two at a time. After a build:
 *
 *   node .ci/suite.mjs [--reporter NAME] [PATH ...]
 *
 *   --reporter  of tap's: `tap` prints what the tests print; default: tap's own choice for this terminal
 *   PATH        only tests whose path holds one of these
 *
 * `tap run` itself would load hooks for coverage and mocks into each test and each worker thread, which makes threads
 * three times as slow to start. Exits with tap's code.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const TIMEOUT_MS = 120_000
const JOBS = 2

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)
const { values, positionals } = parseArgs({
  options: { reporter: { type: 'string' }, tap: { type: 'boolean', default: false } },
  allowPositionals: true,
})

function testsIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map(path => join(folder, path))
    .filter(
      path => path.endsWith('.test.js') && (positionals.length === 0 || positionals.some(part => path.includes(part))),
    )
    .map(path => path.split(sep).join('/'))
    .sort()
}

/** Runs one test; what it printed, and how it ended if that was badly. */
function runTest(file) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TAP: '1' },
    })
    const chunks = []
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, TIMEOUT_MS)
    child.stdout.on('data', chunk => chunks.push(chunk))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const ended = isLate ? `ended after ${TIMEOUT_MS} ms` : code === 0 ? null : `exit ${code ?? signal}`
      resolve({ tap: Buffer.concat(chunks), ended })
    })
  })
}

/** Prints the TAP of all tests. */
async function run() {
  const { default: t } = await import('tap')
  t.setTimeout(0)
  const files = [...testsIn('dist'), ...testsIn(join('ring', 'dist'))]
  if (files.length === 0) t.fail(`no test has ${positionals.join(' or ')} in its path; npm run build makes them`)
  const queue = files.values()
  const work = async () => {
    for (const file of queue) {
      const { tap, ended } = await runTest(file)
      const results = await t.stdin(file, { tapStream: Readable.from([tap]) })
      // What the test says itself is told once.
      if (ended !== null && results?.ok === true) t.fail(`${file}: ${ended}`)
    }
  }
  await Promise.all(Array.from({ length: JOBS }, work))
}

if (values.tap || values.reporter === 'tap') await run()
else {
  const stdio = ['inherit', 'pipe', 'inherit']
  const tests = spawn(process.execPath, [fileURLToPath(import.meta.url), '--tap', ...positionals], { stdio })
  const tap = join(root, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs')
  const reporter = values.reporter === undefined ? [] : [`--reporter=${values.reporter}`]
  const report = spawn(process.execPath, [tap, '--disable-coverage', ...reporter, '-'], {
    stdio: [tests.stdout, 'inherit', 'inherit'],
  })
  report.on('exit', code => {
    process.exitCode = code ?? 1
  })
}
