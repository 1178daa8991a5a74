/**
 * Runs the compiled example as a user does and compares every figure with a plain loop over the same orders.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { boxesExpected } from './orders.ts'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs this program of Node, or these flags of it, to its end. */
function runNode(...args: readonly string[]): Promise<Outcome> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, args, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

function run(...args: readonly string[]): Promise<Outcome> {
  return runNode(MAIN, ...args)
}

t.test('three poisoned orders among good ones are repaired, and nothing is missing in the end', async t => {
  const good = 3_000
  const { code, stdout, stderr } = await run('--json', '--good', String(good), '--threads', '2')
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout), {
    published: good + 3,
    processed: good + 3,
    packed: good + 3,
    boxes: boxesExpected(good),
    deadLettered: 3,
    timeout: 1,
    crashed: 1,
    failed: 1,
    replayed: 3,
    left: 0,
    letters: [{ failedAttempts: 2 }, { failedAttempts: 2 }, { failedAttempts: 2 }],
  })
})

t.test('people get a table of the dead letters', async t => {
  const { code, stdout } = await run('--good', '100')
  t.equal(code, 0)
  for (const text of [/timeout .* 500 ms/, /crashed .* process\.exit\(1\)/, /failed .*reading 'country'/, /3 repaired/])
    t.match(stdout, text)
})

t.test('a wrong option is one helpful line and exit code 2', async t => {
  // The first to the program, the others to what it reads its options with, which starts sooner.
  t.match(readFileSync(MAIN, 'utf8'), 'parseOptions(process.argv.slice(2))')
  const options = new URL('./options.js', import.meta.url).href
  const parse = `import(${JSON.stringify(options)}).then(({ parseOptions }) => parseOptions(process.argv.slice(1)))`
  const parsing = (...args: readonly string[]): Promise<Outcome> => runNode('-e', parse, '--', ...args)
  t.match(await parsing('--good', '10'), { code: 0, stdout: '', stderr: '' })
  for (const [how, args] of [
    [run, ['--gud', '3']],
    [parsing, ['--good', 'many']],
    [parsing, ['--threads', '0']],
    [parsing, ['extra']],
  ] as const) {
    const { code, stdout, stderr } = await how(...args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^error: .+\n/)
  }
})
