/**
 * Runs the compiled example as a user does: each call has its answer, or the reason why there is none.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [MAIN, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

t.test('each call is answered, or ends with its reason', async t => {
  const { code, stdout, stderr } = await run('--json', '--people', '60', '--threads', '2')
  t.equal(code, 0, stderr)
  const result = JSON.parse(stdout)
  t.match(result, { people: 60, signedIn: 60, turnedAway: 6, afterExit: true })
  t.strictSame(result.ends, ['MILL_REQUEST_FAILED rejected', 'MILL_TIMEOUT', 'MILL_ABORTED', 'MILL_TIMEOUT'])
  t.match(result.counts, { acked: 60 + 66 + 1, deadLettered: 1 })
  t.equal(result.counts.expired + result.counts.cancelled, 3, 'nobody waited for these any more')
  t.ok(result.restarts >= 2, 'one thread ended, and one spun')
})

t.test('a wrong option is refused in one line', async t => {
  const { code, stdout, stderr } = await run('--people', 'many')
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /whole number from 1 to 100000/)
})
