/** Test files that share a process: a fault is told once, of the file it belongs to, and each file runs exactly once. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

interface Outcome {
  readonly results: readonly {
    readonly file: string
    readonly passed: number
    readonly failed: number
    readonly failures: readonly { readonly name: string }[]
  }[]
  readonly unreached: readonly string[]
  readonly ended: string | null
}

const run = promisify(execFile)
const root = repositoryRoot()
const GOOD = `t.test('good', async t => { t.ok(true) })`
const SLOW = `t.test('slow', async t => { t.ok(true); await new Promise(resolve => setTimeout(resolve, 400)); t.ok(true) })
t.test('and more', async t => { t.ok(true) })`
/** Acts when its test has been over for a while, and the next file is running. */
const late = (act: string): string => `t.test('early', async t => { t.ok(true); setTimeout(() => { ${act} }, 150) })`

/** Runs files of these bodies in one process; `marks` has a line for each file that began. */
async function together(t: Test, bodies: readonly string[]): Promise<Outcome & { readonly marks: readonly string[] }> {
  const folder = t.testdir({ marks: '' })
  const files = bodies.map((body, at) => {
    const path = join(folder, `${'abcdef'[at]}.test.mjs`)
    const mark = `appendFileSync(${JSON.stringify(join(folder, 'marks'))}, '${'abcdef'[at]}\\n')`
    writeFileSync(path, `import { appendFileSync } from 'node:fs'\nimport t from 'tap'\n${mark}\n${body}\n`)
    return relative(root, path)
  })
  const program = `const { runUnit } = await import(${JSON.stringify(pathToFileURL(join(root, '.ci/tests/unit.mjs')).href)})
console.log(JSON.stringify(await runUnit({ number: 1, files: ${JSON.stringify(files)}, expectedS: 3 })))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: root })
  const { results, unreached, ended } = JSON.parse(stdout) as Outcome
  const short = (file: string): string => relative(folder, join(root, file)).charAt(0)
  return {
    results: results.map(each => ({ ...each, file: short(each.file) })),
    unreached: unreached.map(short),
    ended,
    marks: readFileSync(join(folder, 'marks'), 'utf8').split('\n').filter(Boolean),
  }
}

/** File, assertions passed, and what is told of it. */
function told({ results }: Outcome): unknown[] {
  return results.map(({ file, passed, failures }) => [file, passed, failures.map(({ name }) => name)])
}

t.test('an error thrown after the end of its file is told of that file, and not of the one that runs', async t => {
  const outcome = await together(t, [late(`throw new Error('late')`), SLOW, GOOD])
  t.strictSame(told(outcome), [
    ['a', 1, ['late']],
    ['b', 3, []],
  ])
  t.strictSame(outcome.unreached, ['c'], 'it is left for another process')
  t.strictSame(outcome.marks, ['a', 'b'], 'and it has not begun')
})

t.test('an assertion after the end of its file is told of that file, too', async t => {
  const outcome = await together(t, [late(`t.ok(false, 'too late')`), SLOW, GOOD])
  t.equal(outcome.results[0]?.failed, 1)
  t.strictSame(told(outcome).slice(1), [
    ['b', 3, []],
    ['c', 1, []],
  ])
})

t.test('a file that ends its process fails, and the files behind it are left for another', async t => {
  for (const [how, body] of [
    ['exit', `t.test('ends it', async t => { t.ok(true); process.exit(0) })`],
    [
      'signal',
      `t.test('ends it', async t => { t.ok(true); process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}) })`,
    ],
    ['while it loads', 'process.exit(0)'],
  ] as const) {
    const outcome = await together(t, [GOOD, body, GOOD, GOOD])
    t.strictSame(
      outcome.results.map(({ file, failed }) => [file, Math.min(failed, 1)]),
      [
        ['a', 0],
        ['b', 1],
      ],
      how,
    )
    t.strictSame(outcome.unreached, ['c', 'd'], how)
    t.strictSame(outcome.marks, ['a', 'b'], how)
  }
})

t.test('a failure before does not hide that a later file ended the process', async t => {
  const failing = `t.test('fails', async t => { t.equal(1, 2) })`
  const dying = `t.test('dies', async t => { await new Promise(resolve => setTimeout(resolve, 50)); process.kill(process.pid, 'SIGKILL') })`
  const outcome = await together(t, [failing, dying])
  t.strictSame(
    outcome.results.map(({ file, failed }) => [file, failed]),
    [
      ['a', 1],
      ['b', 1],
    ],
  )
  t.equal(outcome.ended, 'exit SIGKILL')
})

t.test('files without a fault are all told so', async t => {
  const outcome = await together(t, [GOOD, SLOW, GOOD])
  t.strictSame(told(outcome), [
    ['a', 1, []],
    ['b', 3, []],
    ['c', 1, []],
  ])
  t.strictSame([outcome.unreached, outcome.ended], [[], null])
})
