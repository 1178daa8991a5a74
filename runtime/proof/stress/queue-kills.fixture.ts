/**
 * Processes with a work queue on one folder, killed one after the other; and what the queue does then.
 *
 * The oracle is outside of what is killed (queue-killed-oracle.fixture.ts). A folder lives through several deaths. Every few deaths the parent
 * opens it, has all that is ready at one consumer, gives it back, and counts; at the end it handles all that is left. A process dies where
 * its schedule says (crash-schedule.fixture.ts).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import type { Broker } from '../../words/broker.ts'
import type { Durability } from '../../words/message.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueDelivery } from '../../words/queue-delivery.ts'
import { until } from '../fixtures/broker.fixture.ts'
import { losePower, tearSettled, tearTails } from './crash-damage.fixture.ts'
import { willMark, willReplay } from './crash-files.fixture.ts'
import type { CrashSchedule, PlannedDeath } from './crash-schedule.fixture.ts'
import { drawMoment, dyingAt, liveUntilKilled } from './killed-child.fixture.ts'
import { conductOf, KILLED, type KilledValue, keyOf, nameOf, wrongTime } from './queue-killed.fixture.ts'
import { type KilledLetter, QueueKillOracle } from './queue-killed-oracle.fixture.ts'

const CHILD = new URL('./queue-killed-child.fixture.js', import.meta.url)
/** Deaths of a folder between two looks at the queue. */
const LOOK_EVERY = 5
/** Deaths of a folder before all that waits is purged, once. */
const PURGE_AT = 10
/** What a look has at once; more than is ever ready. */
const LOOK_WINDOW = 1_000
/** Nothing more comes to a look that has got nothing for so long. */
const QUIET_MS = 300

export interface QueueKills {
  readonly deaths: number
  readonly receipts: number
  readonly begins: number
  readonly confirms: number
  readonly duplicates: number
  readonly cancelled: number
  readonly updated: number
  readonly purged: number
  /** Deaths at a random moment, and those that did not come to their point. */
  readonly others: ReadonlyMap<string, number>
  readonly problems: readonly string[]
}

interface Folder {
  readonly dir: string
  readonly durability: Durability
  readonly oracle: QueueKillOracle
  /** What the last process has sent, as `LIFE:SENT`. */
  last: string
  purged: number
}

/** One process from its start to its death; says where it died. */
async function live(folder: Folder, life: number, { point }: PlannedDeath): Promise<string> {
  const { dir, durability, oracle, last } = folder
  const drawn = point === undefined ? drawMoment() : undefined
  let died: string = drawn?.how ?? `not at ${point?.name}`
  const { code, trouble } = await liveUntilKilled({
    module: CHILD,
    args: [dir, durability, `${life}`, point?.name ?? '-', last],
    env: dyingAt(point),
    moment: drawn?.moment,
    hear(line) {
      if (line === 'opened') drawn?.begin()
      else if (line.startsWith('at ')) died = line.slice(3)
      else oracle.hear(life, line)
    },
  })
  if (oracle.sentIn(life) > 0) folder.last = `${life}:${oracle.sentIn(life)}`
  if (code !== null) oracle.problems.push(`life ${life} ended by itself with code ${code}: ${trouble}`)
  return died
}

/** Leaves the ends of files as the next life is to find them. Nothing that was written is taken from the file of settled messages. */
function damage({ dir, durability }: Folder, { point }: PlannedDeath): void {
  if (point?.time !== 'opening') return
  if (durability === 'fsync') losePower(dir)
  tearTails(dir)
  tearSettled(dir)
}

async function lettersOf(broker: Broker): Promise<KilledLetter[]> {
  const letters: KilledLetter[] = []
  for await (const { value, reason, failedAttempts } of broker.deadLetters<KilledValue>(KILLED.name).browse())
    letters.push({ key: keyOf(value as KilledValue), reason, failedAttempts })
  return letters
}

/** A life of the parent: it looks at the queue, and at the last one empties it. */
async function look(folder: Folder, life: number, what: 'look' | 'purge' | 'drain'): Promise<void> {
  const { dir, durability, oracle } = folder
  const { partitionThreads, tuning } = KILLED
  const broker = await openBroker({ dir, logger: false, partitionThreads }, tuning)
  try {
    const queue = await broker.queue<KilledValue>(KILLED.name, { ...KILLED.queue, durability })
    oracle.judgeSum(await queue.stats())
    await lookAtOrder(queue, life, oracle)
    // A letter that the last process has written settles its message by and by.
    const isSettled = async (): Promise<boolean> =>
      (await queue.stats()).deadLettered === (await lettersOf(broker)).length
    await until(isSettled).catch(() => undefined)
    oracle.judgeStats(await queue.stats(), await lettersOf(broker))
    if (what === 'purge') await purge(queue, life, folder)
    if (what !== 'drain') return
    await drain(queue, life, oracle)
    const [stats, letters] = [await queue.stats(), await lettersOf(broker)]
    oracle.judgeStats(stats, letters)
    oracle.judgeEnd(stats, letters)
  } finally {
    await broker.close()
  }
}

function begin(oracle: QueueKillOracle, life: number, delivery: QueueDelivery<KilledValue>): string {
  const { value, id, offset, deliveryAttempt, failedAttempts } = delivery
  const key = keyOf(value)
  const wrong = wrongTime(value)
  if (wrong !== undefined) oracle.problems.push(`${key} ${wrong}`)
  oracle.begin(life, key, nameOf(id, offset), deliveryAttempt, failedAttempts)
  return key
}

/**
 * Has what is ready, and gives it back. What waits for a retry or was delayed may come later than its offset says, and a suspect only to a consumer that has nothing
 * else: neither is judged.
 */
async function lookAtOrder(queue: Queue<KilledValue>, life: number, oracle: QueueKillOracle): Promise<void> {
  const got: QueueDelivery<KilledValue>[] = []
  const subscription = queue.observe({ window: LOOK_WINDOW }).subscribe(delivery => {
    begin(oracle, life, delivery)
    got.push(delivery)
  })
  for (let seen = -1; seen < got.length; await sleep(QUIET_MS)) seen = got.length
  subscription.unsubscribe()
  for (const { value } of got) oracle.hear(life, `e ${keyOf(value)} release`)
  const plain = got.filter(
    ({ value, deliveryAttempt, failedAttempts }) => value.dueAt === 0 && failedAttempts === 0 && deliveryAttempt <= 2,
  )
  oracle.judgeOrder(plain.map(({ value, priority, offset }) => ({ key: keyOf(value), priority, offset })))
  await until(async () => (await queue.stats()).unacked === 0)
}

/** Takes back all that waits. */
async function purge(queue: Queue<KilledValue>, life: number, folder: Folder): Promise<void> {
  const before = (await queue.stats()).purged
  const count = await queue.purge()
  const { ready, retrying, purged } = await queue.stats()
  folder.purged += count
  if (purged - before !== count || purged !== folder.purged)
    folder.oracle.problems.push(`${purged} are purged, and should be ${folder.purged}: ${before} and ${count} more`)
  // Delays may have ended since.
  if (ready + retrying > count + 100) folder.oracle.problems.push(`${ready + retrying} wait after a purge of ${count}`)
  folder.oracle.purged(life)
}

/** What was put off is due at once. */
async function promote(queue: Queue<KilledValue>, life: number, oracle: QueueKillOracle): Promise<void> {
  for await (const { id, value } of queue.browse({ state: 'scheduled' })) {
    const key = keyOf(value)
    if (Date.now() < value.dueAt) continue
    oracle.hear(life, `u ${key}`)
    oracle.hear(life, `v ${key} ${await queue.update(id, { delayMs: 0 })} -1 ${Date.now()}`)
  }
}

async function drain(queue: Queue<KilledValue>, life: number, oracle: QueueKillOracle): Promise<void> {
  await promote(queue, life, oracle)
  const run = await queue.handle<unknown>(delivery => {
    const key = begin(oracle, life, delivery)
    const fails = conductOf(delivery.value.sequence) === 'fail'
    oracle.hear(life, `e ${key} ${fails ? 'fail' : 'ack'}`)
    if (fails) throw new Error('failed on purpose')
  })
  await run.idle()
  await run.stop()
}

/** Lets a folder live through so many deaths; looks have numbers of their own. `after`: called after each death. */
export async function killQueues(
  schedule: CrashSchedule,
  deaths: number,
  durability: Durability,
  after: (died: number) => void,
): Promise<QueueKills> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-queue-kills-'))
  const oracle = new QueueKillOracle()
  const { problems } = oracle
  const folder: Folder = { dir: join(parent, 'data'), durability, oracle, last: '-', purged: 0 }
  const others = new Map<string, number>()
  const ways = {
    grow: (): boolean => false,
    willReplay: (): boolean => willReplay(folder.dir),
    willMark: (): boolean => willMark(folder.dir),
  }
  let [life, died] = [0, 0]
  try {
    while (died < deaths && problems.length === 0) {
      const planned = schedule.next(died, durability, ways)
      damage(folder, planned)
      const where = await live(folder, life++, planned)
      died++
      const isThere = where === planned.point?.name
      schedule.died({ ...planned, isThere })
      if (!isThere) others.set(where, (others.get(where) ?? 0) + 1)
      const found = problems.length
      const isLast = died === deaths
      if (isLast || died % LOOK_EVERY === 0)
        await look(folder, life++, isLast ? 'drain' : died === PURGE_AT ? 'purge' : 'look')
      if (problems.length > found) problems.push(`found after life ${life - 1}; the last death was: ${where}`)
      after(died)
    }
  } catch (error) {
    problems.push((error as Error).stack ?? String(error))
  }
  if (problems.length === 0) rmSync(parent, { recursive: true })
  else process.stderr.write(`the folder is kept: ${folder.dir}\n`)
  const { receipts, begins, confirms, duplicates, cancelled, updated } = oracle
  const { purged } = folder
  return { deaths: died, receipts, begins, confirms, duplicates, cancelled, updated, purged, others, problems }
}
