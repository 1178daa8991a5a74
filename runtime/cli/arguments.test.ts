import t from 'tap'
import { printable } from '../base/printable.ts'
import { parseArguments } from './arguments.ts'

function parse(words: string) {
  const said = { out: '', err: '' }
  const parsed = parseArguments(
    words.split(' ').filter(word => word !== ''),
    {
      out: text => {
        said.out += text
      },
      err: text => {
        said.err += text
      },
    },
  )
  return { parsed, ...said }
}

t.test('a run has its defaults', async t => {
  t.strictSame(parse('run h.js --input - --key a.b').parsed, {
    command: 'run',
    arguments: {
      handler: 'h.js',
      input: '-',
      key: ['a', 'b'],
      partitions: 12,
      group: 'cli',
      attempts: 5,
      timeoutMs: 30_000,
      graceMs: 20_000,
    },
  })
})

t.test('a run has what was asked for', async t => {
  const words =
    'run h.js --input in --key id --partitions 3 --threads 2 --group g --attempts 1 --timeout 50 --grace 1.5s --output - --dead-letter dead --json'
  t.strictSame(parse(words).parsed, {
    command: 'run',
    arguments: {
      ...{
        handler: 'h.js',
        input: 'in',
        key: ['id'],
        partitions: 3,
        threads: 2,
        group: 'g',
        attempts: 1,
        timeoutMs: 50,
        graceMs: 1_500,
      },
      ...{ output: '-', deadLetter: 'dead', json: true },
    },
  })
})

t.test('wrong usage says what is wrong and is exit code 2', async t => {
  const wrong: [string, RegExp][] = [
    ['', /Usage: millrace/],
    ['rum h.js', /Did you mean run\?/],
    ['run', /missing required argument 'handler'/],
    ['run h.js', /required option '--input <file>' not specified/],
    ['run h.js --input', /argument missing/],
    ['run h.js --inptu x', /Did you mean --input\?/],
    ['run h.js extra --input x', /too many arguments/],
    ['run h.js --input x --partitions 0', /whole number from 1 to 1024/],
    ['run h.js --input x --threads two', /whole number from 1 to 256/],
    ['run h.js --input x --attempts -1', /whole number/],
    ['run h.js --input x --key a..b', /dots between them/],
    ['run h.js --input x --group a/b', /letters, digits/],
    ['run h.js --input x --group ..', /letters, digits/],
    ['run h.js --input x --timeout 0', /from 1 ms to 24 days, such as 500ms, 30s or 2m/],
    ['run h.js --input x --grace 1y', /from 0 ms to 24 days/],
    ['run h.js --input x --grace 25.1h5', /from 0 ms to 24 days/],
    ['run h.js --input=', /name of a file/],
    ['run h.js --input x --dead-letter -', /needs a file/],
  ]
  for (const [words, message] of wrong) {
    const { parsed, out, err } = parse(words)
    t.strictSame(parsed, { command: 'none', exitCode: 2 }, words)
    t.match(err, message)
    t.equal(out, '')
  }
})

t.test('help and version are exit code 0', async t => {
  t.match(parse('--version'), { parsed: { command: 'none', exitCode: 0 }, out: /^\d+\.\d+\.\d+\n$/ })
  t.match(parse('run --help'), { parsed: { command: 'none', exitCode: 0 }, out: /Exit codes:/ })
})

t.test('what an argument holds makes no line and does nothing to a terminal', async t => {
  const hostile = 'a\nmillrace: all is well\u001b[2J\u202e'
  for (const args of [
    ['run', 'h.js', '--input', 'x', '--partitions', hostile],
    ['run', 'h.js', '--input', 'x', `--${hostile}`],
    [hostile],
  ]) {
    let said = ''
    parseArguments(args, {
      out: () => {},
      err: text => {
        said += text
      },
    })
    t.match(said, /^error: .*a\\nmillrace: all is well\\u001b\[2J\\u202e/)
    t.notMatch(said, /\p{Bidi_Control}|^millrace/mu)
    t.strictSame(said.split('\n').map(printable), said.split('\n'))
  }
})

t.test('with a queue there is no order, so that what is for order is refused', async t => {
  const { parsed: queue } = parse('run h.js --input - --queue')
  t.match(queue, { command: 'run', arguments: { queue: true, attempts: 5 } })
  for (const words of ['--key id', '--partitions 3', '--group g']) {
    const { parsed: none, err } = parse(`run h.js --input - --queue ${words}`)
    t.match(none, { command: 'none', exitCode: 2 })
    t.match(err, new RegExp(`^error: ${words.split(' ')[0]} has no meaning with --queue, .*; leave one of them out\n`))
  }
  t.match(parse('run h.js --input - --queue --attempts 1001').err, /--attempts must be from 1 to 1,000 with --queue/)
  t.match(parse('run h.js --input - --attempts 1001').parsed, { command: 'run' })
})
