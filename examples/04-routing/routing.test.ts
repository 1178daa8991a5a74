/**
 * Runs the compiled example as a user does and compares what arrived with a plain loop over the same lines.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseLine, rawLines } from './exchanges.ts'

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

t.test('each line is in the queues of its key, once, and an unreadable one in that of the alternate', async t => {
  const lines = 2_000
  const { code, stdout, stderr } = await run('--json', '--lines', String(lines), '--messages', '200', '--threads', '2')
  t.equal(code, 0, stderr)
  const parsed = Array.from(rawLines(lines), parseLine)
  const readable = parsed.filter(line => line !== null)
  const result = JSON.parse(stdout)
  t.match(result.topics, {
    lines,
    kernel: readable.filter(({ facility }) => facility === 'kern').length,
    alarms: readable.filter(({ severity }) => severity === 'critical').length,
    archive: readable.length,
    unreadable: lines - readable.length,
  })
  t.strictSame([...result.topics.example.targets].sort(), ['alarms', 'archive', 'kernel'])
  t.match(result.workQueues, { tasks: 100, dots: 200 })
  t.strictSame(result.publishSubscribe, {
    screen: ['first', 'second'],
    disk: ['second'],
    history: ['first', 'second'],
  })
  t.strictSame(result.routing, {
    console: ['info', 'error', 'warning', 'error'],
    file: ['error', 'error'],
    refused: 'MILL_UNROUTABLE',
  })
  t.strictSame(result.rpc, { replies: [55, 6_765, 5], refused: 'MILL_REQUEST_FAILED' })
  t.match(result.confirms, { messages: 200, accepted: 600 })
})

t.test('people get a line for each tutorial', async t => {
  const { code, stdout } = await run('--lines', '100', '--messages', '10')
  t.equal(code, 0)
  for (const text of [/^Work queues: 100 tasks/m, /^Routing: .*MILL_UNROUTABLE/m, /^Confirms, .*30 of 30/m])
    t.match(stdout, text)
})

t.test('a wrong option is one helpful line and exit code 2', async t => {
  const { code, stdout, stderr } = await run('--liens', '3')
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /^error: .+\n/)
})
