/** How a run that is asked to end ends: what was read is done, or it is said what is not, within the time of grace. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parsed, start, until } from './cli.fixture.ts'
import type { Summary } from './summary.ts'

const HANDLERS = {
  'stuck.js': 'export default ({ value }) => (value === 2 ? new Promise(() => {}) : value)',
  'large.js': `
    import { appendFileSync } from 'node:fs'
    export default () => {
      appendFileSync('handled', '1\\n')
      return 'x'.repeat(500_000)
    }`,
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
}

t.test('when the time of grace is over it is said how much is left, and what is done is written', async t => {
  const dir = t.testdir(HANDLERS)
  const args = ['run', 'stuck.js', '--input', '-', '--output', 'out', '--grace', '300ms', '--json']
  const { child, outcome } = start(dir, args)
  // Standard input stays open: only the signal ends this.
  child.stdin?.write('1\n2\n3\n')
  await until(child, () => linesOf(join(dir, 'out')).length === 2)
  child.kill('SIGTERM')
  const { code, stdout, stderr } = await outcome
  t.equal(code, 1, stderr)
  t.match(stderr, /^millrace: interrupted: finishing the lines that were read, for 300 ms at most; once more/)
  t.match(stderr, /\nmillrace: --grace 300 ms is over: 1 of the lines up to 3 not done\n$/)
  t.match(parsed<Summary>(stdout), [{ lines: 3, processed: 2, results: 2, left: 1, interrupted: true }])
  t.strictSame(linesOf(join(dir, 'out')).sort(), ['1', '3'])
})

t.test('the time after the end of the input is bounded, where that is asked for', async t => {
  const dir = t.testdir(HANDLERS)
  const args = ['run', 'stuck.js', '--input', '-', '--output', 'out', '--drain', '300ms', '--json']
  const { child, outcome } = start(dir, args)
  child.stdin?.write('1\n2\n')
  await until(child, () => linesOf(join(dir, 'out')).length === 1)
  child.stdin?.end('3\n')
  const { code, stdout, stderr } = await outcome
  t.equal(code, 1, stderr)
  t.equal(stderr, 'millrace: --drain 300 ms is over: 1 of the lines up to 3 not done\n')
  t.match(parsed<Summary>(stdout), [{ lines: 3, processed: 2, results: 2, left: 1, interrupted: false }])
  t.strictSame(linesOf(join(dir, 'out')).sort(), ['1', '3'])
})

t.test('what is done in time is not late', async t => {
  const dir = t.testdir({ 'same.js': 'export default ({ value }) => value' })
  const args = ['run', 'same.js', '--input', '-', '--output', 'out', '--drain', '1h']
  const { child, outcome } = start(dir, args)
  child.stdin?.end('1\n3\n')
  t.match(await outcome, { code: 0 })
  t.strictSame(linesOf(join(dir, 'out')).sort(), ['1', '3'])
})

t.test('a second signal ends it at once', async t => {
  const dir = t.testdir(HANDLERS)
  const { child, outcome } = start(dir, ['run', 'stuck.js', '--input', '-', '--output', 'out', '--grace', '1h'])
  child.stdin?.write('1\n2\n')
  await until(child, () => linesOf(join(dir, 'out')).length === 1)
  child.stderr?.once('data', () => child.kill('SIGTERM'))
  child.kill('SIGINT')
  t.match(await outcome, { code: 143 })
})

t.test('results that nobody reads hold it up for no longer than that', async t => {
  const dir = t.testdir(HANDLERS)
  const { child, outcome } = start(dir, ['run', 'large.js', '--input', '-', '--output', '-', '--grace', '1ms'])
  child.stdout?.pause()
  child.once('exit', () => child.stdout?.resume())
  child.stdin?.write('1\n'.repeat(100))
  // More than a pipe and what is before it can hold.
  await until(child, () => linesOf(join(dir, 'handled')).length >= 8)
  child.kill('SIGTERM')
  const { code, stderr } = await outcome
  t.equal(code, 1, stderr)
  t.match(stderr, /--grace 1 ms is over: .*some results could not be written, since nobody reads them\n$/)
})
