/**
 * Stops whole processes for a while, and blocks main threads: no thread is started again for it, and nothing is lost.
 *
 *   node dist/runtime/proof/stress/pauses.js [--times 20] [--stop-seconds 10] [--block-seconds 2] [--at-once 10]
 *
 * Each time is a process of its own that publishes a record every few milliseconds to a group on two handler threads, each
 * of which waits a little, with a timeout shorter than the pause. It is stopped by SIGSTOP and goes on by SIGCONT, or its
 * main loop is blocked. Fails when a thread was started again, a record failed or timed out, or one was not handled, or
 * when what was recorded breaks a rule of runtime/proof/history/.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openBroker } from '../../api/broker.ts'
import { defineHandler } from '../../options/define.ts'
import type { Receipt } from '../../words/message.ts'
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import { judgeJournal, type RecordedFacts } from './recorded-history.fixture.ts'
import { type Recordable, Recorder } from './recorder.fixture.ts'
import type { SlowHandlerData } from './slow-handler.fixture.ts'
import { Witness } from './witness.fixture.ts'

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
const KEYS = 40
const JOURNAL_ENTRIES = 500_000

interface Figures {
  readonly published: number
  readonly processed: number
  readonly failures: number
  readonly deadLettered: number
  readonly restarts: number
  readonly restarted: readonly string[]
  /** Rules that what was recorded breaks. */
  readonly broken: readonly string[]
}

/** One of its topics, with a reader of all that it holds and a group whose work is recorded. */
interface Recorded {
  readonly recorder: Recorder
  readonly topic: Recordable
  readonly group: string
  readonly audit: Run
}

async function record<V>(topic: Topic<V>, group: string, idOf: (value: V) => number): Promise<Recorded> {
  const recorder = new Recorder(JOURNAL_ENTRIES)
  const audit = await topic.group('audit').handle(each => recorder.read(each, idOf(each.value)))
  recorder.sample(topic, group)
  return { recorder, topic, group, audit }
}

/** Publishes a message, and writes down that it was sent and where it is. */
function publishAs(id: number, { recorder }: Recorded, publish: () => Promise<Receipt>): Promise<void> {
  recorder.sent(id)
  return publish().then(place => recorder.answered(id, 'ok', place))
}

/** Stops an idle run, and judges what was recorded of it. */
async function judged({ recorder, topic, group, audit }: Recorded, run: Run): Promise<string[]> {
  await audit.idle()
  await recorder.endSampling()
  await recorder.look(topic, group)
  recorder.stopping()
  await run.stop()
  await audit.stop()
  const facts: RecordedFacts = {
    topic: topic.name,
    group,
    attempts: 1,
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    deadLetterTopic: null,
    keyOf: id => id % KEYS,
    readInFull: true,
    drained: true,
  }
  return judgeJournal(recorder.journal, facts, 0)
}

/** The process that is stopped: says `ready`, and in the end its figures. */
async function child(blockMs: number): Promise<void> {
  const broker = await openBroker({ logger: false })
  const restarted: string[] = []
  broker.on('restarted', ({ reason }) => restarted.push(reason))
  const topic = await broker.topic<number>('orders', { partitions: 4 })
  const bytes = await broker.topic<Uint8Array>('slow', { partitions: 4, codec: 'bytes' })
  const ofMain = await record(topic, 'here', value => value)
  const ofThreads = await record(bytes, 'slow', value => Buffer.from(value).readUInt32BE(4))
  const limits = { handlerTimeoutMs: HANDLER_TIMEOUT_MS, attempts: 1 }
  const data: SlowHandlerData = { journal: ofThreads.recorder.journal.buffer }
  const run = await bytes
    .group('slow')
    .run({ ...limits, handler: new URL('./slow-handler.fixture.js', import.meta.url), threads: 2, data })
  const handler = defineHandler<number, Witness>({
    start: ({ partition }) => new Witness(ofMain.recorder.journal.buffer, partition),
    message: (delivery, witness) => witness.handle(delivery, delivery.value, () => sleep(5)),
    stop(witness) {
      witness.left()
      return undefined
    },
  })
  const here = await topic.group('here').handle(handler, limits)
  let published = 0
  const publishing: Promise<unknown>[] = []
  const publish = (): void => {
    const id = ++published
    const key = `k${id % KEYS}`
    const value = new Uint8Array(8)
    new DataView(value.buffer).setUint32(4, id)
    publishing.push(publishAs(id, ofMain, () => topic.publish({ key, value: id })))
    publishing.push(publishAs(id, ofThreads, () => bytes.publish({ key, value })))
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
  const broken = [...(await judged(ofThreads, run)), ...(await judged(ofMain, here))]
  const figures: Figures = {
    published: published * 2,
    processed: slow.processed + mine.processed,
    failures: slow.failures + mine.failures,
    deadLettered: slow.deadLettered + mine.deadLettered,
    restarts: slow.restarts,
    restarted,
    broken,
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
  const { published, processed, failures, deadLettered, restarts, restarted, broken } = figures
  const problems: string[] = [...broken]
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
