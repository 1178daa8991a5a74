/**
 * The compiled program, as a user starts it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openBroker } from '../api/broker.ts'
import { millrace, parsed, start } from './cli.fixture.ts'
import type { DeadLetterLine } from './dead-letter-log.ts'
import type { Summary } from './summary.ts'

interface Numbered {
  readonly id: string
  readonly n: number
}

const HANDLERS = {
  'double.js': 'export default ({ value }) => ({ id: value.id, n: value.n, twice: value.n * 2 })',
  'picky.js': `
    import { defineHandler, RejectError } from 'millrace'
    export default defineHandler({
      message({ value }) {
        if (value.n === 3) throw new RejectError('three is refused')
        if (value.n === 4) throw new Error('four fails')
        return value.n
      },
    })`,
  'slow.js': 'export default async ({ value }) => { await new Promise(r => setTimeout(r, 5)); return value }',
  'syntax.js': 'export default (',
  'nothing.js': 'export const a = 1',
}

t.test('every line goes through the handler, in order per key', async t => {
  const dir = t.testdir(HANDLERS)
  const lines = Array.from({ length: 20_000 }, (_, n) => JSON.stringify({ id: `k${n % 37}`, n }))
  const { code, stdout, stderr } = await millrace(
    dir,
    ['run', 'double.js', '--input', '-', '--key', 'id', '--output', 'out', '--threads', '2', '--json'],
    lines.join('\n'),
  )
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout) as Summary, {
    lines: 20_000,
    published: 20_000,
    processed: 20_000,
    deadLettered: 0,
    results: 20_000,
    interrupted: false,
  })
  const last = new Map<string, number>()
  const results = parsed<Numbered & { twice: number }>(readFileSync(join(dir, 'out'), 'utf8'))
  t.equal(results.length, 20_000)
  for (const { id, n, twice } of results) {
    if (twice !== n * 2 || n <= (last.get(id) ?? -1)) t.fail(`wrong or out of order: ${id} ${n} ${twice}`)
    last.set(id, n)
  }
})

t.test('what cannot be processed is in the dead-letter file, with its line and its reason', async t => {
  const dir = t.testdir(HANDLERS)
  const input = [
    '{"id":"a","n":1}',
    '{"id":"a","n":',
    '{"n":2}',
    '',
    '{"id":"a","n":3}',
    '{"id":"a","n":4}',
    `{"id":"a","n":5,"pad":"${'x'.repeat(1_100_000)}"}`,
    '{"id":"a","n":6}',
  ]
  const args = [
    'run',
    'picky.js',
    '--input',
    '-',
    '--key',
    'id',
    '--output',
    '-',
    '--dead-letter',
    'dead',
    '--attempts',
    '2',
    '--json',
  ]
  const { code, stdout, stderr } = await millrace(dir, args, input.join('\r\n'))
  t.equal(code, 3, stderr)
  t.equal(stdout, '1\n6\n')
  t.match(JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as Summary, {
    ...{ lines: 8, published: 4, processed: 2, deadLettered: 5, results: 2 },
    reasons: { decode: 1, key: 1, 'too-large': 1, rejected: 1, failed: 1 },
  })
  const letters = parsed<DeadLetterLine>(readFileSync(join(dir, 'dead'), 'utf8')).sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0),
  )
  t.match(letters, [
    { line: 2, reason: 'decode', raw: '{"id":"a","n":' },
    { line: 3, reason: 'key', error: 'id is missing', raw: '{"n":2}' },
    { line: 5, reason: 'rejected', error: 'three is refused', key: 'a', value: { id: 'a', n: 3 } },
    { line: 6, reason: 'failed', error: 'four fails', attempts: 2, key: 'a', value: { id: 'a', n: 4 } },
    { line: 7, reason: 'too-large', attempts: 0, key: null },
  ])
})

t.test('without a dead-letter file the first dead letters are said', async t => {
  const { code, stdout, stderr } = await millrace(
    t.testdir(HANDLERS),
    ['run', 'double.js', '--input', '-'],
    'x\n'.repeat(9),
  )
  t.equal(code, 3)
  t.equal(stdout, '')
  t.match(
    stderr,
    /^millrace: line 1: decode: .*\n(millrace: line \d: decode: .*\n){4}millrace: further ones.*\n9 lines in .* 9 dead-lettered \(9 decode\)/,
  )
})

t.test('what the user can mend is one line and exit code 1', async t => {
  const dir = t.testdir({ ...HANDLERS, in: '{}\n' })
  const wrong: [string[], RegExp][] = [
    [['run', 'absent.js', '--input', 'in'], /^millrace: absent\.js: no such file or directory\n$/],
    [['run', 'double.js', '--input', 'absent'], /^millrace: absent: no such file or directory\n$/],
    [['run', 'double.js', '--input', '.'], /^millrace: \.: is a directory\n$/],
    [
      ['run', 'double.js', '--input', 'in', '--output', 'no/where'],
      /^millrace: no\/where: no such file or directory\n$/,
    ],
    [['run', 'syntax.js', '--input', 'in'], /^millrace: .+\n$/],
    [['run', 'nothing.js', '--input', 'in'], /^millrace: .+\n$/],
  ]
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await millrace(dir, args)
    t.equal(code, 1, args.join(' '))
    t.match(stderr, message)
    t.equal(stdout, '')
  }
})

t.test('wrong usage is exit code 2', async t => {
  const { code, stderr } = await millrace(t.testdir(HANDLERS), ['run', 'double.js', '--inptu', 'x'])
  t.equal(code, 2)
  t.match(stderr, /Did you mean --input/)
})

t.test('Ctrl-C finishes what was read and says where it stopped', async t => {
  const dir = t.testdir(HANDLERS)
  const { child, outcome } = start(dir, ['run', 'slow.js', '--input', '-', '--output', 'out'])
  // Standard input stays open: only the signal ends this.
  child.stdin?.write('1\n2\n3\n')
  let given = 3
  const poll = setInterval(() => {
    if (!existsSync(join(dir, 'out'))) return
    const results = readFileSync(join(dir, 'out'), 'utf8').split('\n').length - 1
    if (results < given) return
    if (given === 5) {
      clearInterval(poll)
      child.kill('SIGINT')
      return
    }
    given = 5
    child.stdin?.write('4\n5\n')
  }, 20)
  t.teardown(() => clearInterval(poll))
  const { code, stderr } = await outcome
  t.equal(code, 130, stderr)
  t.match(stderr, /stopped after line 5;/)
  t.same(parsed<number>(readFileSync(join(dir, 'out'), 'utf8')).sort(), [1, 2, 3, 4, 5])
})

t.test('a reader that goes away ends it quietly', async t => {
  const { child, outcome } = start(t.testdir(HANDLERS), ['run', 'double.js', '--input', '-', '--output', '-'])
  child.stdout?.once('data', () => child.stdout?.destroy())
  const line = `${JSON.stringify({ id: 'a', n: 1, pad: 'x'.repeat(500) })}\n`
  // Many times what pipes hold.
  child.stdin?.end(line.repeat(5_000))
  const { code, stderr } = await outcome
  t.equal(code, 0, stderr)
  t.equal(stderr, '')
})

t.test('a folder is verified: what is good, what is damaged, and what is none', async t => {
  const dir = join(t.testdir(), 'data')
  const broker = await openBroker({ dir, logger: false }, { journalBytes: 1 << 17 })
  const orders = await broker.topic('orders', { partitions: 2 })
  await orders.publishBatch(Array.from({ length: 100 }, (_, value) => ({ key: `k${value}`, value })))
  t.match(await millrace('.', ['verify', dir]), { code: 1, stderr: /in use by process \d+/ })
  await broker.close()
  const good = await millrace('.', ['verify', dir])
  t.match(good, { code: 0, stdout: /^orders\/0: offsets 0 to \d+, [\s\S]*100 records in 2 partitions, no damage\n$/ })
  const [folder] = readdirSync(join(dir, 'topics')) as [string]
  const file = join(dir, 'topics', folder, '00000000000000000000.log')
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100)
  writeFileSync(file, bytes)
  const bad = await millrace('.', ['verify', dir])
  t.match(bad, { code: 3, stdout: /DAMAGED {2}topics\/\S+\.log at byte 64: .*\n/ })
  const [line] = parsed<{ readonly damaged: number }>((await millrace('.', ['verify', dir, '--json'])).stdout)
  t.match(line, { damaged: 1, partitions: [{ topic: 'orders' }, { topic: 'orders' }] })
  t.match(await millrace(dir, ['verify', 'topics']), { code: 1, stderr: /no broker has kept anything/ })
  t.match(await millrace('.', ['verify', file]), { code: 1, stderr: /: is a file, not the folder of a broker\n$/ })
  t.match(await millrace(dir, ['verify', 'nothing']), { code: 1, stderr: /nothing: no such folder/ })
})
