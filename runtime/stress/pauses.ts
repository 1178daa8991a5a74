/**
 * Stops whole processes for a while, and blocks main threads: no thread is started again for it, and nothing is lost.
 *
 *   node dist/runtime/stress/pauses.js [--times 20] [--stop-seconds 10] [--block-seconds 2] [--at-once 10]
 *
 * Each time is a process of its own that publishes a record every few milliseconds to a group on two handler threads, each
 * of which waits a little, with a timeout shorter than the pause. It is stopped by SIGSTOP and goes on by SIGCONT, or its
 * main loop is blocked. Fails when a thread was started again, a record failed or timed out, or one was not handled.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createBroker } from '../broker.ts'

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '20' },
    'stop-seconds': { type: 'string', default: '10' },
    'block-seconds': { type: 'string', default: '2' },
    'at-once': { type: 'string', default: '10' },
    child: { type: 'boolean', default: false },
    'block-ms': { type: 'string', default: '0' },
  },
})
const HANDLER_TIMEOUT_MS = 1_500
/** Publishing goes on for so long before and after. */
const AROUND_MS = 1_500

interface Figures {
  readonly published: number
  readonly processed: number
  readonly failures: number
  readonly deadLettered: number
  readonly restarts: number
  readonly restarted: readonly string[]
}

/** The process that is stopped: says `ready`, and in the end its figures. */
async function child(blockMs: number): Promise<void> {
  const broker = await createBroker({ logger: false })
  const restarted: string[] = []
  broker.on('restarted', ({ reason }) => restarted.push(reason))
  const topic = await broker.topic<number>('orders', { partitions: 4 })
  const handler = new URL('./slow-handler.fixture.js', import.meta.url)
  const bytes = await broker.topic<Uint8Array>('slow', { partitions: 4, codec: 'bytes' })
  const run = await bytes.group('slow').run({ handler, threads: 2, handlerTimeoutMs: HANDLER_TIMEOUT_MS, attempts: 1 })
  const here = await topic
    .group('here')
    .handle(() => sleep(5).then(() => undefined), { handlerTimeoutMs: HANDLER_TIMEOUT_MS, attempts: 1 })
  let published = 0
  const publishing: Promise<unknown>[] = []
  const publish = (): void => {
    published++
    publishing.push(topic.publish({ key: `k${published % 40}`, value: published }))
    publishing.push(bytes.publish({ key: `k${published % 40}`, value: new Uint8Array(8) }))
  }
  const timer = setInterval(publish, 4)
  await sleep(AROUND_MS)
  process.stdout.write('ready\n')
  if (blockMs > 0) for (const until = performance.now() + blockMs; performance.now() < until; );
  // A stopped process has not waited: its own clock of turns says when it has gone on for long enough.
  for (let turn = 0; turn < AROUND_MS / 10; turn++) await sleep(10)
  clearInterval(timer)
  await Promise.all(publishing)
  await run.idle()
  await here.idle()
  const [slow, mine] = [await run.stats(), await here.stats()]
  const figures: Figures = {
    published: published * 2,
    processed: slow.processed + mine.processed,
    failures: slow.failures + mine.failures,
    deadLettered: slow.deadLettered + mine.deadLettered,
    restarts: slow.restarts,
    restarted,
  }
  await broker.close()
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

function start(args: readonly string[]): { readonly process: ChildProcess; readonly lines: string[] } {
  const started = spawn(process.execPath, [fileURLToPath(import.meta.url), '--child', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let rest = ''
  started.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  return { process: started, lines }
}

async function pause(kind: 'stopped' | 'blocked'): Promise<readonly string[]> {
  const blockMs = kind === 'blocked' ? Number(values['block-seconds']) * 1_000 : 0
  const { process: paused, lines } = start(['--block-ms', String(blockMs)])
  const ended = once(paused, 'close')
  if (kind === 'stopped') {
    while (lines.length === 0 && paused.exitCode === null) await sleep(5)
    await sleep(Math.random() * 300)
    paused.kill('SIGSTOP')
    await sleep(Number(values['stop-seconds']) * 1_000)
    paused.kill('SIGCONT')
  }
  const overdue = setTimeout(() => paused.kill('SIGKILL'), 120_000)
  const [code, signal] = await ended
  clearTimeout(overdue)
  if (code !== 0) return [`the process ended with ${code ?? signal}`]
  const figures = JSON.parse(lines.at(-1) ?? '{}') as Figures
  const { published, processed, failures, deadLettered, restarts, restarted } = figures
  const problems: string[] = []
  if (processed !== published) problems.push(`${published} published, and ${processed} handled`)
  if (failures + deadLettered > 0) problems.push(`${failures} failures, ${deadLettered} dead letters`)
  if (restarts + restarted.length > 0) problems.push(`${restarts} restarts: ${restarted.join('; ')}`)
  return problems
}

async function main(): Promise<void> {
  const times = Number(values.times)
  const kinds = (['stopped', 'blocked'] as const).flatMap(kind => Array<typeof kind>(times).fill(kind))
  const problems: string[] = []
  const done = { stopped: 0, blocked: 0 }
  const work = async (): Promise<void> => {
    for (let kind = kinds.shift(); kind !== undefined; kind = kinds.shift()) {
      for (const problem of await pause(kind)) problems.push(`${kind}: ${problem}`)
      done[kind]++
    }
  }
  await Promise.all(Array.from({ length: Number(values['at-once']) }, work))
  console.log(
    `${done.stopped} times stopped for ${values['stop-seconds']} s, ${done.blocked} times blocked for ${values['block-seconds']} s, handlers timing out after ${HANDLER_TIMEOUT_MS} ms`,
  )
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(
    problems.length === 0
      ? 'no thread was started again, and no record failed or was lost'
      : `${problems.length} problems`,
  )
  process.exitCode = problems.length === 0 ? 0 : 1
}

await (values.child ? child(Number(values['block-ms'])) : main())
