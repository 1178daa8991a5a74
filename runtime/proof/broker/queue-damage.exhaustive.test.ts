/**
 * Every file of a folder with work queues gone, empty, cut, or with a bit flipped, after a clean close and after a kill: opening it is refused
 * with the file's name, or each queue has all its messages, none that was settled, and its dead letters.
 *
 * Real threads and files. What is refused may be refused by the broker or by the queue. Store and formats are swept more finely by
 * folder-damage.exhaustive.test.ts.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { openBroker } from '../../api/broker.ts'
import { type Broker, isMillraceError, type ManualQueueDelivery, type Queue } from '../../index.ts'
import { until } from '../fixtures/broker.fixture.ts'
import { drawn } from '../fixtures/portion.fixture.ts'

const QUEUES = ['fsync', 'os'] as const
const MESSAGES = 60
const CUTS = 2
const FLIPS = 3
const TUNING = { journalBytes: 16_384, queueSegmentBytes: 4_096 } as const
const SHAPE = { priorities: 2, attempts: 3, backoff: { initialMs: 1, maxMs: 1 } } as const

interface Found {
  /** By message: its hand-outs and failures, as the next consumer is told. */
  readonly messages: Readonly<Record<number, string>>
  readonly letters: readonly string[]
}
type Contents = Readonly<Record<string, Found>>

const open = (dir: string): Promise<Broker> => openBroker({ dir, logger: false, partitionThreads: 1 }, TUNING)

function queueOf(broker: Broker, durability: (typeof QUEUES)[number]): Promise<Queue<number>> {
  return broker.queue<number>(`jobs-${durability}`, { ...SHAPE, durability })
}

/** Acks a third of the messages, rejects and fails some, and gives the rest back; what it says is confirmed. */
async function fill(queue: Queue<number>): Promise<void> {
  await queue.sendBatch(Array.from({ length: MESSAGES }, (_, value) => ({ value, priority: value % 2 })))
  const confirmed: Promise<void>[] = []
  const isOver = ({ value }: { readonly value: number }): boolean => value % 3 === 0 || value % 10 === 1
  let held = 0
  const settle = (delivery: ManualQueueDelivery<number>): void => {
    const { value, failedAttempts } = delivery
    if (value % 3 === 0) delivery.ack()
    else if (value % 10 === 1) delivery.reject(new Error('not wanted'))
    else if (value % 10 === 2 && failedAttempts === 0) delivery.nack(new Error('failed'))
    else held++
    if (isOver(delivery)) confirmed.push(delivery.confirmed)
  }
  const subscription = queue.observe({ window: MESSAGES }).subscribe(settle)
  const left = Array.from({ length: MESSAGES }, (_, value) => ({ value })).filter(each => !isOver(each)).length
  await until(() => held === left)
  await Promise.all(confirmed)
  subscription.unsubscribe()
  await until(async () => (await queue.stats()).ready === left)
}

/** Takes everything out of a queue. */
async function drain(broker: Broker, queue: Queue<number>): Promise<Found> {
  const messages: Record<number, string> = {}
  const run = await queue.handle(({ value, deliveryAttempt, failedAttempts }) => {
    messages[value] = `${messages[value] ?? ''} ${deliveryAttempt}/${failedAttempts}`
  })
  await run.idle()
  const letters: string[] = []
  for await (const { value, reason } of broker.deadLetters<number>(queue.name).browse())
    letters.push(`${value} ${reason}`)
  return { messages, letters }
}

async function contentsOf(dir: string): Promise<{ readonly contents: Contents; readonly isTold: boolean }> {
  const broker = await open(dir)
  let isTold = false
  broker.on('recovered', () => {
    isTold = true
  })
  try {
    const contents: Record<string, Found> = {}
    for (const durability of QUEUES) contents[durability] = await drain(broker, await queueOf(broker, durability))
    return { contents, isTold }
  } finally {
    await broker.close({ timeoutMs: 2_000 }).catch(() => undefined)
  }
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map(name => join(dir, name))
    .filter(path => statSync(path).isFile() && !basename(path).startsWith('LOCK'))
    .sort()
}

interface Damage {
  readonly how: string
  readonly bytes: Buffer | null
}

function* damagesOf(bytes: Buffer): Generator<Damage> {
  yield { how: 'missing', bytes: null }
  if (bytes.length === 0) return
  yield { how: 'empty', bytes: Buffer.alloc(0) }
  for (let cut = 1; cut <= CUTS; cut++) {
    const at = Math.floor((bytes.length * cut) / (CUTS + 1))
    yield { how: `cut at ${at}`, bytes: bytes.subarray(0, at) }
  }
  for (let flip = 0; flip < FLIPS; flip++) {
    const at = Math.min(bytes.length - 1, Math.floor((bytes.length * flip) / FLIPS) + flip)
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] as number) ^ (1 << flip)
    yield { how: `flipped at ${at}`, bytes: flipped }
  }
}

/** What is wrong with what was found; null: nothing. After a kill what was told may have lost counts that nobody has confirmed. */
function wrongWith(found: Contents, made: Contents, isTold: boolean, isClosed: boolean): string | null {
  for (const durability of QUEUES) {
    const [is, was] = [found[durability], made[durability]] as [Found, Found]
    // Nothing of it need be durable before the process has closed it.
    if (durability === 'os' && !isClosed && isTold) continue
    if (!isDeepStrictEqual(is.letters, was.letters)) return `${durability}: letters ${is.letters}, not ${was.letters}`
    const names = [Object.keys(is.messages), Object.keys(was.messages)]
    if (!isDeepStrictEqual(...(names as [string[], string[]]))) return `${durability}: messages ${names.join(' not ')}`
    if ((isClosed || !isTold) && !isDeepStrictEqual(is, was))
      return `${durability}: ${JSON.stringify(is)}, not ${JSON.stringify(was)}`
  }
  return null
}

/** What a damage came to: `unharmed`, `told`, `refused`, or in words what is wrong. */
async function tryDamage(
  dir: string,
  file: string,
  bytes: Buffer | null,
  made: Contents,
  isClosed: boolean,
): Promise<string> {
  if (bytes === null) rmSync(file)
  else writeFileSync(file, bytes)
  try {
    const { contents, isTold } = await contentsOf(dir)
    return wrongWith(contents, made, isTold, isClosed) ?? (isTold ? 'told' : 'unharmed')
  } catch (error) {
    if (isMillraceError(error, 'MILL_CORRUPT') && error.message.includes(dir)) return 'refused'
    return `it failed with ${error}`
  }
}

for (const isClosed of [true, false])
  t.test(`after ${isClosed ? 'a clean close' : 'a kill'} no damage of a folder with queues is silent`, async t => {
    const parent = mkdtempSync(join(tmpdir(), 'millrace-queue-damage-'))
    t.teardown(() => rmSync(parent, { recursive: true, force: true }))
    const live = join(parent, 'live')
    const left = join(parent, 'left')
    const broker = await open(live)
    for (const durability of QUEUES) await fill(await queueOf(broker, durability))
    const copy = (from: string, to: string): void =>
      cpSync(from, to, { recursive: true, filter: path => !/LOCK|\.sock$/.test(basename(path)) })
    if (!isClosed) copy(live, left)
    await broker.close()
    if (isClosed) copy(live, left)
    const whole = join(parent, 'whole')
    copy(left, whole)
    const { contents: made } = await contentsOf(whole)
    for (const durability of QUEUES) {
      t.equal(Object.keys(made[durability]?.messages ?? {}).length, 36, 'messages')
      t.equal(made[durability]?.letters.length, 4, 'letters')
    }
    const tries = filesOf(left).flatMap(file => [...damagesOf(readFileSync(file))].map(damage => ({ file, damage })))
    const wrong: string[] = []
    const outcomes: Record<string, number> = {}
    for (const at of drawn(tries.length, isClosed ? 1 : 2)) {
      const { file, damage } = tries[at] as (typeof tries)[number]
      const dir = join(parent, `tried-${at}`)
      copy(left, dir)
      const name = relative(left, file)
      const outcome = await tryDamage(dir, join(dir, name), damage.bytes, made, isClosed)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      if (!['refused', 'told', 'unharmed'].includes(outcome)) wrong.push(`${name} ${damage.how}: ${outcome}`)
      rmSync(dir, { recursive: true })
    }
    if (process.env.MILLRACE_TELL !== undefined) console.error(outcomes)
    t.same(wrong.slice(0, 40), [])
    t.ok(tries.length > 100, `${tries.length} in all`)
  })
