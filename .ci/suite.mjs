/**
 * Runs the compiled tests, each in a process of its own as plain Node runs it, two at a time. After a build:
 *
 *   node .ci/suite.mjs [--reporter=tap] [PATH ...]
 *
 *   --reporter=tap  one TAP document of all that the tests say; default: a line a test, and all of what fails
 *   PATH            only tests whose path holds one of these
 *
 * `tap run` itself would load hooks for coverage and mocks into each test and each worker thread, which makes threads
 * three times as slow to start. Exits with 1 when anything failed, or nothing was tested.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const TIMEOUT_MS = 180_000
const JOBS = 2

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)
const { values, positionals } = parseArgs({ options: { reporter: { type: 'string' } }, allowPositionals: true })

function testsIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map(path => join(folder, path))
    .filter(
      path => path.endsWith('.test.js') && (positionals.length === 0 || positionals.some(part => path.includes(part))),
    )
    .map(path => path.split(sep).join('/'))
    .sort()
}

/** Runs one test; what it printed, and how it ended if that was badly (null: well). */
function runTest(file) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // One that hangs is ended below; until then a busy machine may take its time.
      env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(TIMEOUT_MS / 1_000) },
    })
    const since = performance.now()
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
      resolve({ tap: Buffer.concat(chunks), ended, seconds: (performance.now() - since) / 1_000 })
    })
  })
}

/** Runs all tests, JOBS at a time, and hands over what each came to. */
async function runAll(done) {
  const queue = testsIn('dist')
    .concat(testsIn(join('ring', 'dist')))
    .values()
  const work = async () => {
    for (const file of queue) await done(file, await runTest(file))
  }
  await Promise.all(Array.from({ length: JOBS }, work))
}

/** One TAP document of all. */
async function printTap() {
  const { default: t } = await import('tap')
  t.setTimeout(0)
  await runAll(async (file, { tap, ended }) => {
    const results = await t.stdin(file, { tapStream: Readable.from([tap]) })
    // What the test says itself is told once.
    if (ended !== null && results?.ok === true) t.fail(`${file}: ${ended}`)
  })
}

/** A line a test; of one that fails, all that it said. */
async function printLines() {
  const { Parser } = await import('tap-parser')
  const total = { passed: 0, failed: 0 }
  await runAll((file, { tap, ended, seconds }) => {
    let passed = 0
    let failed = 0
    const parser = new Parser()
    parser.on('result', ({ ok, todo, skip }) => {
      if (todo || skip) return
      if (ok) passed++
      else failed++
    })
    parser.end(tap.toString())
    if (failed === 0 && (ended !== null || !parser.ok || passed === 0)) failed = 1
    if (failed > 0) console.log(tap.toString())
    const how = ended === null ? '' : `, ${ended}`
    console.log(`${failed === 0 ? 'ok    ' : 'not ok'} ${file} (${passed} passed, ${seconds.toFixed(1)} s${how})`)
    total.passed += passed
    total.failed += failed
  })
  console.log(`${total.passed} passed, ${total.failed} failed`)
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
}

await (values.reporter === 'tap' ? printTap() : printLines())
