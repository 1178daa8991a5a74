/** What a run does to the files that it is given: none is emptied that is another one of them, or before it can start. */
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { drawnTests } from '../proof/fixtures/portion.fixture.ts'
import { millrace, openIn, start } from './cli.fixture.ts'

const IDENTITY = 'export default ({ value }) => value\n'
const LINES = '{"a":1}\n{"a":2}\n'

const test = drawnTests(t, 5)

test('an input is never its own output, whatever it is called', async t => {
  const dir = t.testdir({ 'id.js': IDENTITY, in: LINES, 'kept.js': IDENTITY })
  symlinkSync('in', join(dir, 'symlink'))
  linkSync(join(dir, 'in'), join(dir, 'hardlink'))
  const ways: string[][] = [
    ['--input', 'in', '--output', './in'],
    ['--input', 'in', '--output', 'symlink'],
    ['--input', 'symlink', '--output', 'hardlink'],
    ['--input', 'in', '--dead-letter', join(dir, 'in')],
    ['--input', '-', '--output', 'in'],
    ['--input', 'in', '--output', 'id.js'],
  ]
  for (const way of ways) {
    const { outcome } = start(dir, ['run', 'id.js', ...way], { input: openIn(t, join(dir, 'in'), 'r') })
    t.match(
      await outcome,
      { code: 1, stderr: /^millrace: .* would be overwritten: .* is the same file\n$/ },
      way.join(' '),
    )
    t.equal(readFileSync(join(dir, 'in'), 'utf8'), LINES)
    t.equal(readFileSync(join(dir, 'id.js'), 'utf8'), IDENTITY)
  }
  const growing = start(dir, ['run', 'id.js', '--input', 'in', '--output', '-'], {
    output: openIn(t, join(dir, 'in'), 'a'),
  })
  t.match(await growing.outcome, { code: 1, stderr: /would be overwritten: --output - is the same file/ })
  t.equal(readFileSync(join(dir, 'in'), 'utf8'), LINES)
})

test('results and dead letters are two files, or none', async t => {
  const dir = t.testdir({ 'id.js': IDENTITY, in: LINES, old: 'old\n' })
  symlinkSync('old', join(dir, 'link'))
  t.match(await millrace(dir, ['run', 'id.js', '--input', 'in', '--output', 'old', '--dead-letter', 'link']), {
    code: 1,
    stderr: 'millrace: --output old and --dead-letter link are the same file\n',
  })
  t.equal(readFileSync(join(dir, 'old'), 'utf8'), 'old\n')
  const nothing = ['--input', '/dev/null', '--output', '/dev/null', '--dead-letter', '/dev/null']
  t.match(await millrace(dir, ['run', 'id.js', ...nothing]), { code: 0 })
})

test('an output is emptied by a run that starts, and by no other', async t => {
  const dir = t.testdir({
    'id.js': IDENTITY,
    'wrong.js': 'export default (',
    in: LINES,
    out: 'of the run before, longer\n',
  })
  const before = readFileSync(join(dir, 'out'), 'utf8')
  for (const args of [
    ['wrong.js', '--input', 'in', '--output', 'out'],
    ['id.js', '--input', 'in', '--output', 'out', '--dead-letter', 'no/where'],
    ['id.js', '--input', 'absent', '--output', 'out'],
  ]) {
    t.match(await millrace(dir, ['run', ...args]), { code: 1 })
    t.equal(readFileSync(join(dir, 'out'), 'utf8'), before, args.join(' '))
  }
  t.match(await millrace(dir, ['run', 'id.js', '--input', 'in', '--output', 'out']), { code: 0 })
  t.equal(readFileSync(join(dir, 'out'), 'utf8'), LINES)
})

test('standard output by the name that the system gives it is appended to where the shell appends', async t => {
  const dir = t.testdir({ 'id.js': IDENTITY, in: LINES, log: 'before\n' })
  const args = ['run', 'id.js', '--input', '/dev/stdin', '--output', '/dev/stdout']
  const { outcome } = start(dir, args, {
    input: openIn(t, join(dir, 'in'), 'r'),
    output: openIn(t, join(dir, 'log'), 'a'),
  })
  t.match(await outcome, { code: 0 })
  t.equal(readFileSync(join(dir, 'log'), 'utf8'), `before\n${LINES}`)
})

test('nothing is written into the folder of a broker', async t => {
  const dir = t.testdir({ 'id.js': IDENTITY, in: LINES })
  mkdirSync(join(dir, 'data', 'topics', '1-0'), { recursive: true })
  writeFileSync(join(dir, 'data', 'millrace.id'), 'x')
  for (const output of ['data/catalog', 'data/topics/1-0/0.log']) {
    t.match(await millrace(dir, ['run', 'id.js', '--input', 'in', '--output', output]), {
      code: 1,
      stderr: /lies in the folder of a broker/,
    })
    t.notOk(existsSync(join(dir, output)))
  }
})
