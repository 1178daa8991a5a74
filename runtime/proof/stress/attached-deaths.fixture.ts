/**
 * Threads of a program that attach, work and end, one after the other in each of a few places, while the opening thread publishes.
 *
 * Then the opening thread reads what is left. Judged: all that was acknowledged to a thread is in the topic; each record and each message
 * was handled; no memory is left over.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { openBroker, sessions } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { Queue } from '../../words/queue.ts'
import type { Topic } from '../../words/topic.ts'
import type { AttachedLoad, LifeRecord } from './attached-worker.fixture.ts'

const THREAD = new URL('./attached-worker.fixture.js', import.meta.url)
const PLACES = 3
const NUMBERS = 4_000_000
const BURST = 200
const ENDS = [null, null, null, 'exit', 'throw', 'return'] as const
const FREED_MS = 30_000
const SETTLED_MS = 500

export interface DeathsReport {
  readonly deaths: number
  readonly acknowledged: number
  /** Records to the threads, and as many messages. */
  readonly sent: number
  /** Of memory, before and after. */
  readonly blocks: readonly [number, number]
  readonly problems: readonly string[]
}

async function liveOnce(
  broker: Broker,
  life: number,
  shared: Pick<AttachedLoad, 'read' | 'handled'>,
): Promise<Int32Array> {
  const words = new Int32Array(new SharedArrayBuffer(8))
  const end = ENDS[life % ENDS.length] ?? null
  const afterMs = 10 + Math.random() * 60
  const data: AttachedLoad = { ticket: broker.ticket(), life, end, afterMs, words, ...shared }
  const worker = new Worker(THREAD, { workerData: data, stderr: true })
  worker.on('error', () => undefined)
  const exited = new Promise(resolve => worker.once('exit', resolve))
  if (end === null) {
    while (Atomics.load(words, 0) === 0) await sleep(1)
    await sleep(afterMs)
    void worker.terminate()
  }
  await exited
  return words
}

async function blocks(broker: Broker): Promise<number> {
  const session = sessions.get(broker)
  if (session === undefined) throw new Error('this is no broker')
  return (await session.ask(control => control.census())).blocks
}

interface House {
  readonly broker: Broker
  readonly made: Topic<LifeRecord>
  readonly work: Topic<number>
  readonly tasks: Queue<number>
  readonly read: Uint8Array
  readonly handled: Uint8Array
  readonly lives: { words: Int32Array }[]
  /** Records of `work`, and messages of `tasks`, so far. */
  sent: number
}

/** So many threads live and end while records and messages come; then this thread handles what they have left. */
async function round(house: House, deaths: number): Promise<void> {
  const { broker, work, tasks, read, handled, lives } = house
  let isOver = false
  const sending = (async () => {
    while (!isOver && house.sent < NUMBERS - BURST) {
      const values = Array.from({ length: BURST }, (_, i) => ({ value: house.sent + i }))
      await Promise.all([work.publishBatch(values), tasks.sendBatch(values)])
      house.sent += BURST
      await sleep(5)
    }
  })()
  const until = lives.length + deaths
  const place = async (): Promise<void> => {
    while (lives.length < until) {
      const life: { words: Int32Array } = { words: new Int32Array(2) }
      lives.push(life)
      life.words = await liveOnce(broker, lives.length - 1, { read, handled })
    }
  }
  await Promise.all(Array.from({ length: PLACES }, place))
  isOver = true
  const rest = await work.group('g').handle(({ value }) => void Atomics.store(read, value, 1))
  const restOfTasks = await tasks.handle(({ value }) => void Atomics.store(handled, value, 1))
  await sending
  await Promise.all([rest.idle(), restOfTasks.idle()])
  await Promise.all([rest.stop(), restOfTasks.stop()])
}

export async function attachedDeaths(deaths: number): Promise<DeathsReport> {
  const problems: string[] = []
  const broker = await openBroker({ logger: false })
  try {
    const house: House = {
      broker,
      made: await broker.topic('made', { partitions: 4, groups: ['audit'], windowBytes: 33_554_432 }),
      work: await broker.topic('work', { partitions: 4, groups: ['g'] }),
      tasks: await broker.queue('tasks', { attempts: Number.POSITIVE_INFINITY }),
      read: new Uint8Array(new SharedArrayBuffer(NUMBERS)),
      handled: new Uint8Array(new SharedArrayBuffer(NUMBERS)),
      lives: [],
      sent: 0,
    }
    const found = new Map<number, Set<number>>()
    const audit = await house.made.group('audit').handle(({ value: { life, n } }) => {
      const of = found.get(life) ?? new Set<number>()
      found.set(life, of)
      of.add(n)
    })
    // What a broker makes once is there after these.
    await round(house, PLACES)
    await sleep(SETTLED_MS)
    const before = await blocks(broker)
    await round(house, deaths)
    await audit.idle()
    const { lives, sent, read, handled } = house
    let acknowledged = 0
    for (const [life, { words }] of lives.entries()) {
      const told = Atomics.load(words, 1)
      acknowledged += told
      if (Atomics.load(words, 0) === 0) problems.push(`thread ${life} was never attached`)
      for (let n = 0; n < told; n++)
        if (found.get(life)?.has(n) !== true)
          problems.push(`record ${n} of thread ${life} was acknowledged, and is lost`)
    }
    for (let n = 0; n < sent; n++) {
      if (read[n] === 0) problems.push(`record ${n} was read by nobody`)
      if (handled[n] === 0) problems.push(`message ${n} was handled by nobody`)
    }
    const letters = (await broker.deadLetters(house.work).stats()).depth
    if (letters > 0) problems.push(`${letters} records are dead letters`)
    const until = performance.now() + FREED_MS
    while ((await blocks(broker)) > before && performance.now() < until) await sleep(20)
    const after = await blocks(broker)
    if (after > before) problems.push(`${before} blocks of memory were in use, and ${after} are`)
    return { deaths: lives.length, acknowledged, sent, blocks: [before, after], problems }
  } finally {
    await broker.close({ timeoutMs: 5_000 }).catch((error: Error) => problems.push(`close: ${error.message}`))
  }
}
