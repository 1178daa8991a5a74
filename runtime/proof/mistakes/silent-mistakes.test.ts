/** Mistakes that no call can refuse: what is said of them on standard error. Whole processes, and a logger. */
import { spawn } from 'node:child_process'
import t from 'tap'
import { openBroker, until } from '../fixtures/broker.fixture.ts'

const index = new URL('../../index.bundle.js', import.meta.url).href

/** Runs a program, and resolves with its standard error once that has this, or `ms` are over. It is ended then. */
async function saidBy(program: string, wanted: RegExp, ms: number): Promise<string> {
  const code = `import { createBroker } from ${JSON.stringify(index)}\n${program}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const found = new Promise<void>(resolve => {
    const timer = setTimeout(resolve, ms)
    child.stderr.on('data', data => {
      said += data
      if (wanted.test(said)) resolve()
    })
    child.on('exit', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  await found
  child.kill('SIGKILL')
  return said
}

const WORK = `
  const broker = await createBroker()
  const topic = await broker.topic('orders')
  const run = await topic.group('g').handle(() => 1)
  await topic.publish({ value: 1 })
  await run.idle()
`

t.test('a program that forgets close is told why it does not end; one that waits for something is not', async t => {
  const [said, ...others] = await Promise.all([
    saidBy(WORK, /keeps this process alive/, 60_000),
    saidBy(`${WORK}; process.on('SIGTERM', () => process.exit())`, /./, 14_000),
    saidBy(`${WORK}; setInterval(() => 1, 100_000)`, /./, 14_000),
  ])
  t.match(
    said,
    /^millrace: all is settled, and nothing but the open run of group g of topic orders keeps this process alive\. If the program is done, call await broker\.close\(\)/,
  )
  t.strictSame(others, ['', ''])
})

t.test('a loop that is left before its delivery is settled is told, and one that has settled it is not', async t => {
  const lines: string[] = []
  const logger = { warn: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) }
  const broker = await openBroker(t, { logger })
  const topic = await broker.topic<number>('orders')
  const queue = await broker.queue<number>('jobs')
  await topic.publishBatch([{ value: 1 }, { value: 2 }])
  await queue.send({ value: 1 })
  for await (const { ack } of topic.group('g').consume()) {
    ack()
    break
  }
  t.strictSame(lines, [])
  for await (const _ of topic.group('g').consume()) break
  try {
    for await (const { value } of queue.consume()) throw new Error(`job ${value}`)
  } catch (error) {
    t.match(error, { message: 'job 1' })
  }
  await until(() => lines.length === 2)
  t.match(lines, [
    /^millrace: a loop over group g of topic orders was left, by break or throw, with a delivery that was not settled\. It comes again, and no failure is counted: call delivery\.ack\(\) before break, and handle deliveries by attempt\(/,
    /^millrace: a loop over queue jobs was left/,
  ])
})
