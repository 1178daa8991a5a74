/**
 * Runs the compiled example as a user does and compares every figure with a plain loop over the same pictures.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { pixelsExpected } from './pictures.ts'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(...args: readonly string[]): Promise<Outcome> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [MAIN, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

const GOOD = 2_000
/** What two tests look at: each run spins for as long as its bad picture may. */
const result = run('--json', '--good', String(GOOD), '--threads', '2')

t.test(
  'urgent pictures go first, and the two that cannot be scaled are mended, and none is missing in the end',
  async t => {
    const { code, stdout, stderr } = await result
    t.equal(code, 0, stderr)
    const figures = JSON.parse(stdout)
    t.match(figures, {
      sent: GOOD + 2,
      acked: GOOD + 2,
      scaled: GOOD + 2,
      pixels: pixelsExpected(GOOD),
      deadLettered: 2,
      replayed: 2,
      left: 0,
      urgent: GOOD / 10,
    })
    t.match(
      figures.letters
        .map(({ reason, failedAttempts }: { reason: string; failedAttempts: number }) => [reason, failedAttempts])
        .sort(),
      [
        ['failed', 2],
        ['timeout', 2],
      ],
    )
    // Threads hand on what they have done independently, so that a few may change places.
    t.ok(figures.first >= 150, `${figures.first} of the first ${figures.urgent} are urgent`)
  },
)

t.test('prints go in order for each customer, at their time, and one that never ends is cancelled', async t => {
  const { code, stdout, stderr } = await result
  t.equal(code, 0, stderr)
  const { prints } = JSON.parse(stdout)
  t.match(prints, {
    pages: { big: [1, 2, 3, 4, 5], small: [1, 2], later: [1] },
    letters: ['coupon expired'],
    cancel: 'cancelled',
    acked: 8,
    cancelled: 1,
    failures: 0,
  })
  t.strictSame(Object.keys(prints.pages).sort(), ['big', 'later', 'small'])
  t.ok(prints.waitedMs >= 300, `${prints.waitedMs} ms`)
  t.ok(prints.cancelMs >= 100, `${prints.cancelMs} ms`)
  t.match(prints.said, [
    /^page 1 of big waits: no consumer, and 0 are ahead of it$/,
    /^page 2 of big waits for message \d+\.0 of big$/,
    /^the print for later is due in \d+ ms$/,
  ])
})

t.test('people get a table of the dead letters', async t => {
  const { code, stdout } = await run('--good', '100')
  t.equal(code, 0)
  for (const text of [
    /102 pictures sent/,
    /timeout .* 500 ms/,
    /failed .*has no width/,
    /2 mended and replayed, 0 left/,
    /Printed: .*small 1 2/,
    /endless print: cancelled after \d+ ms. 8 printed, 0 failed/,
  ])
    t.match(stdout, text)
})

t.test('a wrong option is one helpful line and exit code 2', async t => {
  const { code, stdout, stderr } = await run('--gud', '3')
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /^error: .+\n/)
})
