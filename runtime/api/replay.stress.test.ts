/** D3 and D5 on real threads: replays that are killed, aborted or held up lose nothing, whatever dies meanwhile. */
import t from 'tap'
import type { Session } from '../embedded/session.ts'
import { type Broker, type DeadLetter, RejectError, type Topic } from '../index.ts'
import { delay, openBroker, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { within } from '../proof/stress/within.fixture.ts'
import { FAULT_POINT, type FaultPoint } from '../wire/layout.ts'
import { sessions } from './broker.ts'

interface Job {
  readonly n: number
  readonly pad?: string
}

function killHost(broker: Broker, point: 'none' | FaultPoint): Promise<boolean> {
  return (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
}

let opening: Promise<Broker> | undefined

/** One broker, whose threads may die often, for all tests in which they do. */
function mortal(): Promise<Broker> {
  opening ??= openBroker(t, { restart: { intensity: 1_000, periodMs: 1_000 } })
  return opening
}

/** A topic all of whose records are dead letters, and what its group handles once it is mended. */
async function allDead(
  count: number,
  opening: Promise<Broker> = sharedBroker(),
): Promise<{ broker: Broker; topic: Topic<Job>; handled: number[]; mend(): void; idle(): Promise<void> }> {
  const broker = await opening
  const topic = await broker.topic<Job>(newName(), { partitions: 3 })
  const handled: number[] = []
  let broken = true
  const run = await topic.group('g').handle(({ value }) => {
    if (broken) throw new RejectError('broken')
    handled.push(value.n)
  })
  await topic.publishBatch(Array.from({ length: count }, (_, n) => ({ key: `k${n % 7}`, value: { n } })))
  await run.idle()
  const mend = (): void => {
    broken = false
  }
  return { broker, topic, handled, mend, idle: () => run.idle() }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)

t.test('D3: a replay goes on through the deaths of the partition host, each record once', async t => {
  const count = 1_500
  const { broker, topic, handled, mend, idle } = await allDead(count, mortal())
  const letters = broker.deadLetters(topic)
  mend()
  const points = ['beforeCommit', 'betweenWindowAndRing', 'betweenRingAndReceipt', 'none'] as const
  const replaying = letters.replay({})
  for (const point of [...points, ...points]) t.ok(await killHost(broker, point), point)
  t.strictSame(await within(20_000, 'the replay', replaying), { replayed: count, skipped: 0, parked: 0 })
  await within(10_000, 'idle', idle())
  t.strictSame(sorted(handled), upTo(count))
  t.equal(await letters.count(), 0)
})

t.test('letters that are settled stay so, and the others open, when the partition host dies', async t => {
  const { broker, topic } = await allDead(50, mortal())
  const letters = broker.deadLetters<Job>(topic)
  t.equal(await letters.purge({ limit: 20 }), 20)
  const before: number[] = []
  for await (const { value } of letters.browse()) before.push(value.n)
  for (let kill = 0; kill < 3; kill++) await killHost(broker, 'none')
  const after: number[] = []
  for await (const { value } of letters.browse()) after.push(value.n)
  t.equal(before.length, 30)
  t.strictSame(after, before)
  t.equal((await letters.stats()).depth, 30)
  t.equal((await topic.group('g').stats()).deadLetterDepth, 30)
})

t.test('a browse goes on through the death of the partition host and sees each letter once', async t => {
  const { broker, topic } = await allDead(400, mortal())
  const seen: number[] = []
  for await (const { value } of broker.deadLetters<Job>(topic).browse()) {
    seen.push(value.n)
    if (seen.length % 60 === 1) await killHost(broker, 'none')
  }
  t.strictSame(sorted(seen), upTo(400))
})

t.test('D3: a replay that is aborted again and again loses none and repeats none', async t => {
  const count = 600
  const { broker, topic, handled, mend, idle } = await allDead(count)
  const letters = broker.deadLetters(topic)
  mend()
  let calls = 0
  for (let left = count; left > 0; calls++) {
    const aborting = new AbortController()
    let looked = 0
    const edit = (): Record<string, never> => {
      if (++looked === 97) aborting.abort(new Error('enough'))
      return {}
    }
    const outcome = await letters.replay({}, { signal: aborting.signal, edit }).catch((error: Error) => error)
    if (aborting.signal.aborted) t.match(outcome, { code: 'MILL_ABORTED', cause: { message: 'enough' } })
    const now = await letters.count()
    t.ok(now < left)
    left = now
  }
  t.ok(calls > 3)
  await idle()
  t.strictSame(sorted(handled), upTo(count))
})

t.test('D3: what an edit throws stops the replay, and what was confirmed by then is out', async t => {
  const { broker, topic, handled, mend, idle } = await allDead(30)
  const letters = broker.deadLetters<Job>(topic)
  mend()
  const edit = ({ value }: { readonly value: Job }): Record<string, never> => {
    if (value.n === 20) throw new Error('cannot edit twenty')
    return {}
  }
  t.match(await rejection(letters.replay({}, { edit })), { message: 'cannot edit twenty' })
  await idle()
  t.equal(handled.length + (await letters.count()), 30)
  const left = 30 - handled.length
  t.ok(left < 30)
  t.match(await letters.replay({}), { replayed: left })
  await idle()
  t.strictSame(sorted(handled), upTo(30))
})

t.test('an edit that never comes back is left by an abort', async t => {
  const { broker, topic } = await allDead(3)
  const letters = broker.deadLetters(topic)
  const edit = (): Promise<never> => new Promise(() => undefined)
  const stuck = letters.replay({}, { edit, signal: AbortSignal.timeout(50) })
  t.match(await within(3_000, 'the replay', rejection(stuck)), { code: 'MILL_ABORTED' })
  t.equal(await letters.count(), 3)
})

t.test('two replays and a purge at once take no letter twice', async t => {
  const { broker, topic, handled, mend, idle } = await allDead(300)
  const letters = broker.deadLetters(topic)
  mend()
  const [first, second, purged] = await Promise.all([
    letters.replay({ limit: 100 }),
    letters.replay({}),
    letters.purge({}),
  ])
  t.equal(first.replayed + second.replayed + purged, 300)
  await idle()
  t.equal(handled.length, first.replayed + second.replayed)
  t.equal(new Set(handled).size, handled.length)
})

t.test('a replay into a full topic ends in time, names what holds it, and is taken up again', async t => {
  const { broker, topic } = await allDead(200)
  const full = await newTopic<Job>({ ...SMALL, groups: ['slow'] })
  const letters = broker.deadLetters(topic)
  const pad = 'x'.repeat(3_500) // more at once than a ring takes
  const edit = ({ value }: { readonly value: unknown }): { value: Job } => ({ value: { ...(value as Job), pad } })
  const late = await rejection(letters.replay({}, { to: full, edit, timeoutMs: 300 }))
  t.match(late, { code: 'MILL_TIMEOUT', message: /held by group slow/ })
  const left = await letters.count()
  t.ok(left > 0 && left < 200, `${left} are left`)
  const seen: number[] = []
  const run = await full.group('slow').handle(({ value }) => void seen.push(value.n))
  t.match(await letters.replay({}, { to: full, edit }), { replayed: left })
  await run.idle()
  t.strictSame([...new Set(sorted(seen))], upTo(200), 'none is lost; some that were unanswered came twice')
})

t.test(
  'D5: with source and dead-letter topic full nothing is lost, the error says so, and a purge sets it going',
  async t => {
    const broker = await sharedBroker()
    const topic = await newTopic<Job>(SMALL)
    const run = await topic.group('g').handle(() => {
      throw new RejectError('broken')
    })
    const pad = 'x'.repeat(900)
    let published = 0
    let error: unknown
    while (error === undefined && published < 2_000) {
      error = await topic.publish({ value: { n: published, pad } }, { timeoutMs: 500 }).then(
        () => undefined,
        (late: Error) => late,
      )
      if (error === undefined) published++
    }
    t.match(error, {
      code: 'MILL_TIMEOUT',
      message: new RegExp(
        `waits for room for a dead letter: partition 0 of topic ${topic.name}\\.g\\.dlq is full: .*purge`,
      ),
    })
    const letters = broker.deadLetters<Job>(topic)
    const seen: number[] = []
    while (seen.length < published) {
      const here: DeadLetter<Job>[] = []
      for await (const letter of letters.browse()) here.push(letter)
      seen.push(...here.map(({ value }) => value.n))
      t.equal(await letters.purge(here), here.length)
      await delay(2)
    }
    t.strictSame(seen.slice(0, published), upTo(published), 'the one whose outcome was in doubt may come after these')
    await until(async () => (await run.lag()) === 0)
  },
)
