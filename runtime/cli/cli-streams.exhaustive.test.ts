/** Who writes where: standard output belongs to results or the summary, and lines on standard error are lines. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { printable } from '../base/printable.ts'
import { drawnTests } from '../proof/fixtures/portion.fixture.ts'
import { MAIN, millrace, parsed, start } from './cli.fixture.ts'
import type { DeadLetterLine } from './dead-letter-log.ts'
import type { Summary } from './summary.ts'

const HOSTILE = 'no such user\\u001b]0;owned\\u0007\\u001b[2J\\u2028\\u202e\\r\\nmillrace: all is well'
const HANDLERS = {
  'loud.js': `export default ({ value }) => {
    console.log('to standard output')
    process.stdout.write('and again\\n')
    return value
  }`,
  'hostile.js': `export default () => { throw new Error("${HOSTILE}") }`,
  'odd.js': `export default ({ value }) => {
    if (value === 'large') return 'x'.repeat(2_000_000)
    let deep = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    return deep
  }`,
}

const test = drawnTests(t, 5)

test('what handlers print is never among the results, nor beside the summary', async t => {
  const dir = t.testdir(HANDLERS)
  const results = await millrace(dir, ['run', 'loud.js', '--input', '-', '--output', '-'], '1\n2\n')
  t.strictSame([results.code, results.stdout.split('\n').sort()], [0, ['', '1', '2']])
  t.equal(results.stderr.split('to standard output\n').length - 1, 2)
  t.equal(results.stderr.split('and again\n').length - 1, 2)
  const summary = await millrace(dir, ['run', 'loud.js', '--input', '-', '--json'], '1\n')
  t.match(parsed<Summary>(summary.stdout), [{ processed: 1 }])
  const neither = await millrace(dir, ['run', 'loud.js', '--input', '-'], '1\n')
  t.equal(neither.stdout, 'to standard output\nand again\n')
})

test('text of a record or of an error makes no line of its own and steers no terminal', async t => {
  const dir = t.testdir(HANDLERS)
  const args = ['run', 'hostile.js', '--input', '-', '--attempts', '1']
  const { stderr } = await millrace(dir, args, '1\n')
  t.strictSame(stderr.split('\n').map(printable), stderr.split('\n'))
  t.match(
    stderr,
    /^millrace: line 1: failed: no such user\\u001b\]0;owned\\u0007\\u001b\[2J\\u2028\\u202e\\r\n1 line in /,
  )
  // The file is data: there the text is as it was.
  await millrace(dir, [...args, '--dead-letter', 'dead'], '1\n')
  const [letter] = parsed<DeadLetterLine>(readFileSync(join(dir, 'dead'), 'utf8'))
  t.equal(letter?.error, JSON.parse(`"${HOSTILE}"`))
})

test('what cannot be a record is told in words of the command line', async t => {
  const dir = t.testdir(HANDLERS)
  const args = ['run', 'odd.js', '--input', '-', '--output', 'out', '--dead-letter', 'dead', '--attempts', '1']
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  t.match(await millrace(dir, args, `${deep}\n"large"\n"deep"\n`), { code: 3 })
  const letters = parsed<DeadLetterLine>(readFileSync(join(dir, 'dead'), 'utf8')).sort((a, b) =>
    `${a.line}`.localeCompare(`${b.line}`),
  )
  t.match(letters, [
    { reason: 'decode', error: 'the JSON of the line is nested too deeply to be handled' },
    { reason: 'failed', error: 'the result makes a record of 2000002 bytes, more than 1048576' },
    { reason: 'failed', error: 'the JSON of the result is nested too deeply to be handled' },
  ])
})

test('every number of partitions and threads that --help names works', async t => {
  const dir = t.testdir({ 'id.js': 'export default ({ value }) => value' })
  for (const partitions of ['397', '1024']) {
    const args = ['run', 'id.js', '--input', '-', '--output', '-', '--partitions', partitions]
    t.match(await millrace(dir, args, '1\n2\n'), { code: 0, stdout: /^[12]\n[12]\n$/ }, partitions)
  }
})

test('standard error that nobody reads is no failure', async t => {
  const child = spawn(process.execPath, [MAIN, 'run', 'hostile.js', '--input', '-', '--attempts', '1'], {
    cwd: t.testdir(HANDLERS),
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stderr.destroy()
  child.stdin.end('1\n')
  t.equal(await new Promise(resolve => child.on('close', resolve)), 3)
  const help = start(t.testdir(), ['run', '--help'])
  help.child.stdout?.destroy()
  t.match(await help.outcome, { code: 0, stderr: '' })
})
