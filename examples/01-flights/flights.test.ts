/**
 * Runs the compiled example as a user does, with few flights: what it prints, what it keeps and what it refuses. All its
 * figures are in flights.exhaustive.test.ts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  endsWithFiguresOfPlainLoop,
  hasFiguresOfPlainLoop,
  MAIN,
  type Outcome,
  run,
  runNode,
} from './flights.fixture.ts'

t.test('a folder that cannot be one is a line on stderr', async t => {
  const file = join(t.testdir({ file: '' }), 'file')
  const { code, stdout, stderr } = await run('--json', '--limit', '10', '--dir', file)
  t.match({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^01-flights: makeFolder of \S+ failed with EEXIST: [^\n]+\n$/)
})

t.test('1000 flights, 7 partitions, 2 threads: the figures of a plain loop', t =>
  hasFiguresOfPlainLoop(t, { limit: 1_000, partitions: 7, threads: 2 }),
)

t.test('run again with its folder and a larger limit, it goes on, and people get tables', async t => {
  const dir = join(t.testdir(), 'data')
  const { code, stdout, stderr } = await run('--limit', '300', '--dir', dir)
  t.equal(code, 0, stderr)
  t.match(stdout, /^Publishing 300 flights of 2001 …\n/)
  t.match(stdout, /\n.*ATL/)
  const again = await endsWithFiguresOfPlainLoop(t, dir, 1_000)
  t.match(again.stderr, /^Resuming: 300 flights are in the log, the file is read from row 300, /m)
})

t.test('a wrong option is one helpful line and exit code 2', async t => {
  // The first to the program, the others to what it reads its options with, which starts sooner.
  t.match(readFileSync(MAIN, 'utf8'), 'parseOptions(process.argv)')
  const options = new URL('./options.js', import.meta.url).href
  const parse = `import(${JSON.stringify(options)}).then(({ parseOptions }) => parseOptions(['node', 'main', ...process.argv.slice(1)]))`
  const parsing = (...args: readonly string[]): Promise<Outcome> => runNode('-e', parse, '--', ...args)
  t.match(await parsing('--limit', '3'), { code: 0, stdout: '', stderr: '' })
  for (const [how, args] of [
    [run, ['--limmit', '3']],
    [parsing, ['--limit', 'many']],
    [parsing, ['--partitions', '0']],
    [parsing, ['--threads', '-1']],
    [parsing, ['extra']],
  ] as const) {
    const { code, stdout, stderr } = await how(...args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^error: .+\n/)
    t.notMatch(stderr, /\n {4}at /)
  }
})
