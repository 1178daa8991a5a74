import t from 'tap'
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
    },
  })
})

t.test('a run has what was asked for', async t => {
  const words =
    'run h.js --input in --key id --partitions 3 --threads 2 --group g --attempts 1 --timeout 50 --output - --dead-letter dead --json'
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
    ['run h.js --input x --output x', /overwritten/],
    ['run h.js --input x --output y --dead-letter y', /same file/],
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
