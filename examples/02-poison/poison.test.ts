/**
 * Runs the compiled example as a user does and compares every figure with a plain loop over the same orders.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { boxesExpected } from './orders.ts'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

function run(...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [MAIN, ...args], { timeout: 60_000 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

t.setTimeout(120_000)

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
  for (const args of [['--gud', '3'], ['--good', 'many'], ['--threads', '0'], ['extra']]) {
    const { code, stdout, stderr } = await run(...args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^error: .+\n/)
  }
})
