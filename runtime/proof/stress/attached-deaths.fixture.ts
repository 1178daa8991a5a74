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
import type { AttachedLoad, LifeRecord } from './attached-worker.fixture.ts'

const THREAD = new URL('./attached-worker.fixture.js', import.meta.url)
const PLACES = 3
const NUMBERS = 4_000_000
const BURST = 200
const ENDS = [null, null, null, 'exit', 'throw', 'return'] as const
const FREED_MS = 30_000

export interface DeathsReport {
  readonly deaths: number
  readonly acknowledged: number
  readonly worked: number
  readonly handled: number
  readonly problems: readonly string[]
}

interface Life {
  readonly words: Int32Array
}

async function liveOnce(broker: Broker, life: number, shared: Pick<AttachedLoad, 'read' | 'handled'>): Promise<Life> {
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
  return { words }
}

async function census(broker: Broker): Promise<{ readonly blocks: number; readonly usedBytes: number }> {
  const session = sessions.get(broker)
  if (session === undefined) throw new Error('this is no broker')
  return session.ask(control => control.census())
}

export async function attachedDeaths(deaths: number): Promise<DeathsReport> {
  const problems: string[] = []
  const broker = await openBroker({ logger: false })
  try {
    const made = await broker.topic<LifeRecord>('made', { partitions: 4, groups: ['audit'], windowBytes: 33_554_432 })
    const work = await broker.topic<number>('work', { partitions: 4, groups: ['g'] })
    const tasks = await broker.queue<number>('tasks', { attempts: Number.POSITIVE_INFINITY })
    const [read, handled] = [
      new Uint8Array(new SharedArrayBuffer(NUMBERS)),
      new Uint8Array(new SharedArrayBuffer(NUMBERS)),
    ]
    let isOver = false
    const found = new Map<number, Set<number>>()
    const audit = await made.group('audit').handle(({ value: { life, n } }) => {
      const of = found.get(life) ?? new Set<number>()
      found.set(life, of)
      of.add(n)
    })
    let sent = 0
    const sending = (async () => {
      while (!isOver && sent < NUMBERS - BURST) {
        const values = Array.from({ length: BURST }, (_, i) => ({ value: sent + i }))
        await Promise.all([work.publishBatch(values), tasks.sendBatch(values)])
        sent += BURST
        await sleep(5)
      }
    })()
    // The rings of this thread, and of the partition hosts, are there by now.
    const before = await census(broker)
    const lives: Life[] = []
    const place = async (): Promise<void> => {
      while (lives.length < deaths) {
        const life = lives.length
        const slot: { words: Int32Array } = { words: new Int32Array(2) }
        lives.push(slot)
        slot.words = (await liveOnce(broker, life, { read, handled })).words
      }
    }
    await Promise.all(Array.from({ length: PLACES }, place))
    isOver = true
    const rest = await work.group('g').handle(({ value }) => void Atomics.store(read, value, 1))
    const restOfTasks = await tasks.handle(({ value }) => void Atomics.store(handled, value, 1))
    await sending
    await Promise.all([rest.idle(), restOfTasks.idle(), audit.idle()])
    await Promise.all([rest.stop(), restOfTasks.stop()])
    let acknowledged = 0
    for (const [life, { words }] of lives.entries()) {
      const told = Atomics.load(words, 1)
      acknowledged += told
      const there = found.get(life) ?? new Set()
      for (let n = 0; n < told; n++)
        if (!there.has(n)) problems.push(`record ${n} of thread ${life} was acknowledged, and is not there`)
      if (told === 0 && problems.length < 5 && Atomics.load(words, 0) === 0)
        problems.push(`thread ${life} was never attached`)
    }
    for (let n = 0; n < sent; n++) {
      if (read[n] === 0) problems.push(`record ${n} was read by nobody`)
      if (handled[n] === 0) problems.push(`message ${n} was handled by nobody`)
    }
    const letters = (await broker.deadLetters(work).stats()).depth
    const until = performance.now() + FREED_MS
    let now = await census(broker)
    while (now.blocks > before.blocks && performance.now() < until) {
      await sleep(20)
      now = await census(broker)
    }
    if (now.blocks > before.blocks)
      problems.push(`${before.blocks} blocks of memory were in use, and ${now.blocks} are`)
    if (letters > 0) problems.push(`${letters} records are dead letters`)
    return { deaths: lives.length, acknowledged, worked: sent, handled: sent, problems }
  } finally {
    await broker.close({ timeoutMs: 5_000 }).catch((error: Error) => problems.push(`close: ${error.message}`))
  }
}
