/** `millrace run --queue`: lines without an order, for whichever thread is free. The compiled program, as a user starts it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { millrace, parsed } from './cli.fixture.ts'
import type { DeadLetterLine } from './dead-letter-log.ts'
import type { Summary } from './summary.ts'

const HANDLERS = {
  'double.js': 'export default ({ value }) => ({ n: value.n, twice: value.n * 2 })',
  'picky.js': `
    export default ({ value }) => {
      if (value.n === 3) throw new Error('three fails')
      while (value.n === 5);
      return value.n
    }`,
  'slow.js': `
    const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
    export default async ({ value, queue }) => {
      if (value.n === 0) await pause(1_500)
      return { n: value.n, queue }
    }`,
}

const linesOf = (count: number): string => Array.from({ length: count }, (_, n) => JSON.stringify({ n })).join('\n')

t.test('every line goes through the handler once, and a result is written for each', async t => {
  const dir = t.testdir(HANDLERS)
  const args = ['run', 'double.js', '--input', '-', '--queue', '--output', 'out', '--threads', '2', '--json']
  const { code, stdout, stderr } = await millrace(dir, args, linesOf(20_000))
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout) as Summary, {
    lines: 20_000,
    published: 20_000,
    processed: 20_000,
    deadLettered: 0,
    results: 20_000,
    left: 0,
  })
  const results = parsed<{ n: number; twice: number }>(readFileSync(join(dir, 'out'), 'utf8'))
  t.equal(new Set(results.map(({ n }) => n)).size, 20_000)
  t.ok(results.every(({ n, twice }) => twice === 2 * n))
})

t.test('a slow line holds up only what its thread has taken ahead', async t => {
  const dir = t.testdir(HANDLERS)
  const args = ['run', 'slow.js', '--input', '-', '--queue', '--output', 'out', '--threads', '2']
  const { code, stderr } = await millrace(dir, args, linesOf(200))
  t.equal(code, 0, stderr)
  const results = parsed<{ n: number; queue: string }>(readFileSync(join(dir, 'out'), 'utf8'))
  t.equal(results.length, 200)
  const place = results.findIndex(({ n }) => n === 0)
  t.ok(place > 150, `${place} lines were done before it`)
  t.equal(results[0]?.queue, 'records')
})

t.test('what cannot be handled is in the dead-letter file, with its line and its reason', async t => {
  const dir = t.testdir(HANDLERS)
  const args = ['run', 'picky.js', '--input', '-', '--queue', '--threads', '2']
  const options = ['--attempts', '2', '--timeout', '300ms', '--dead-letter', 'dead', '--json']
  const { code, stdout, stderr } = await millrace(dir, [...args, ...options], `${linesOf(10)}\nno JSON\n`)
  t.equal(code, 3, stderr)
  t.match(JSON.parse(stdout) as Summary, { lines: 11, processed: 8, deadLettered: 3, failures: 4, left: 0 })
  const letters = parsed<DeadLetterLine>(readFileSync(join(dir, 'dead'), 'utf8')).sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0),
  )
  t.match(letters, [
    { line: 4, reason: 'failed', error: 'three fails', attempts: 2, value: { n: 3 } },
    { line: 6, reason: 'timeout', attempts: 2, value: { n: 5 } },
    { line: 11, reason: 'decode', raw: 'no JSON' },
  ])
})
