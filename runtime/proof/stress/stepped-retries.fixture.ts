/**
 * Records that wait for their retry while the wall clock is set: in each way of reading, on a thread of its own, and in a
 * folder that another broker opens. Whoever is kept waiting is named; so is a clock that did not do what it was told.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker } from '../../api/broker.ts'
import { type Clocks, readInWay, WAYS } from '../../delivery/fixtures/once.fixture.ts'
import type { Broker } from '../../words/broker.ts'
import type { Group } from '../../words/group.ts'
import type { GroupStats } from '../../words/listing.ts'
import type { FakeClock } from './fake-clock.fixture.ts'
import { within } from './within.fixture.ts'

const HANDLER = new URL('../../delivery/fixtures/once.fixture.js', import.meta.url)
/** Long enough for all of them to wait at the same time. */
const BACKOFF_MS = 1_500
const RETRIES = { backoff: { initialMs: BACKOFF_MS, maxMs: BACKOFF_MS, jitter: 0 } } as const
/** A retry that comes so late would not have come, or an hour later. */
const LATE_MS = 20_000
/** Between the looks at two clocks a test on a busy machine may take a while; steps are much longer. */
const SLACK_MS = 60_000

async function come(groups: readonly Group<unknown>[], isThere: (stats: GroupStats) => boolean): Promise<void> {
  for (;;) {
    const all = await Promise.all(groups.map(group => group.stats()))
    if (all.every(isThere)) return
    await sleep(20)
  }
}

const hasFailed = ({ failures }: GroupStats): boolean => failures === 1
const isThrough = ({ lag }: GroupStats): boolean => lag === 0

/** What goes wrong when the clock is set by so much, in words. */
export async function stepWhileTheyWait(clock: FakeClock, byMs: number): Promise<readonly string[]> {
  const what = `the clock was set by ${byMs / 3_600_000} h`
  const dir = mkdtempSync(join(tmpdir(), 'millrace-clock-'))
  const problems: string[] = []
  const tell = (error: Error): void => void problems.push(`${what}: ${error.message}`)
  clock.step(0)
  const broker = await openBroker({ logger: false })
  const stored = await openBroker({ dir, logger: false })
  try {
    await stepHere(broker, clock, byMs, stored, tell)
    clock.step(byMs)
    await reopen(dir).catch(tell)
  } finally {
    clock.step(0)
    await stored.close({ timeoutMs: 5_000 }).catch(tell)
    await broker.close({ timeoutMs: 5_000 }).catch(tell)
    rmSync(dir, { recursive: true })
  }
  console.log(`${what}: ${problems.length === 0 ? 'nobody noticed' : `${problems.length} problems`}`)
  return problems
}

async function stepHere(
  broker: Broker,
  clock: FakeClock,
  byMs: number,
  stored: Broker,
  tell: (error: Error) => void,
): Promise<void> {
  const topics = await Promise.all(WAYS.map(way => broker.topic(way)))
  const groups: Group<unknown>[] = topics.map(topic => topic.group('g'))
  await Promise.all(WAYS.map((way, at) => readInWay(groups[at] as Group<unknown>, way, RETRIES)))
  const threads = await broker.topic('threads')
  const said = await broker.topic<Clocks>('said')
  await threads.group('g').run({ handler: HANDLER, threads: 1, output: 'said', ...RETRIES })
  const kept = await stored.topic('kept')
  const stop = await readInWay(kept.group('g'), 'handle', RETRIES)
  const all = [...groups, threads.group('g')]
  await Promise.all([...topics, threads, kept].map(topic => topic.publish({ key: 'a', value: 1 })))
  await within(LATE_MS, 'the first attempts', come([...all, kept.group('g')], hasFailed))
  const before: Clocks = { wallMs: Date.now(), nowMs: performance.now() }
  // What waits in the folder goes to the next broker.
  await stop()
  await stored.close()
  clock.step(byMs)
  judge('this thread', before, { wallMs: Date.now(), nowMs: performance.now() }, byMs, tell)
  await Promise.all(
    all.map((group, at) => within(LATE_MS, `the retry of ${WAYS[at] ?? 'run'}`, come([group], isThrough)).catch(tell)),
  )
  const told: Clocks[] = []
  const run = await said.group('g').handle(({ value }) => void told.push(value))
  await within(LATE_MS, 'what the handler’s thread said', run.idle()).catch(tell)
  if (told.length !== 1) tell(new Error(`the handler’s thread handled ${told.length} records, not 1`))
  for (const each of told) judge('the handler’s thread', before, each, byMs, tell)
}

/** Whether the one clock was set, and the other was not. */
function judge(who: string, before: Clocks, after: Clocks, byMs: number, tell: (error: Error) => void): void {
  if (Math.abs(after.wallMs - before.wallMs - byMs) > SLACK_MS)
    tell(new Error(`Date.now of ${who} went by ${after.wallMs - before.wallMs} ms`))
  if (after.nowMs < before.nowMs || after.nowMs - before.nowMs > SLACK_MS)
    tell(new Error(`performance.now of ${who} went by ${after.nowMs - before.nowMs} ms`))
}

async function reopen(dir: string): Promise<void> {
  const broker = await openBroker({ dir, logger: false })
  const group = (await broker.topic('kept')).group('g')
  await readInWay(group, 'handle', RETRIES)
  await within(LATE_MS, 'the retry of what was on disk', come([group], isThrough)).finally(() => broker.close())
}
