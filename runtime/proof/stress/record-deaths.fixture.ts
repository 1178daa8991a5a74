/**
 * One round of deaths amid the records of a cursor: by `process.exit`, by a throw, and from outside while it stands on a record.
 *
 * Main thread. Each death is one of a known record, so that all of it can be checked exactly: who was handed out how often, who was
 * passed, who is charged, and who is a dead letter.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBroker, sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import type { Session } from '../../embedded/session.ts'
import type { Run } from '../../words/run.ts'
import { type DeathCounts, type Ending, endingOf } from './record-deaths-handler.fixture.ts'
import { within } from './within.fixture.ts'

const HANG_MS = 120_000
const ATTEMPTS = 3
const PARTITIONS = 3

export interface RecordDeathsReport {
  readonly problems: readonly string[]
  readonly deaths: number
}

/** Deaths and failures that record `n` is charged with. */
function chargesOf(n: number): number {
  const ending = endingOf(n)
  return ending === 'none' ? 0 : ending === 'poison' ? ATTEMPTS : 1
}

/** `dir`: of a broker on disk; null: in memory. */
export async function runRecordDeaths(records: number, dir: string | null): Promise<RecordDeathsReport> {
  const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * records))
  const counts: DeathCounts = { handed: shared(), passed: shared(), stands: shared() }
  const broker = await openBroker({ logger: false, ...(dir === null ? {} : { dir }) })
  const problems: string[] = []
  try {
    const topic = await broker.topic<number>('numbers', {
      partitions: PARTITIONS,
      ...(dir === null ? {} : { durability: 'os' as const }),
    })
    await topic.publishBatch(Array.from({ length: records }, (_, n) => ({ key: `k${n % 11}`, value: n })))
    const run = await topic.group('g').run({
      handler: new URL('./record-deaths-handler.fixture.js', import.meta.url),
      threads: 1,
      data: counts,
      attempts: ATTEMPTS,
      backoff: { initialMs: 1, maxMs: 1 },
      restart: { intensity: 1_000_000, periodMs: 1_000 },
    })
    await endThoseThatStand(sessions.get(broker) as Session, run, counts)
    const { processed, failures, deadLettered } = await run.stats()
    const numbers = Array.from({ length: records }, (_, n) => n)
    const letters: unknown[] = []
    if (deadLettered > 0) for await (const { value } of broker.deadLetters<number>(topic).browse()) letters.push(value)
    const wanted = {
      processed: numbers.filter(n => endingOf(n) !== 'poison').length,
      failures: numbers.reduce((sum, n) => sum + chargesOf(n), 0),
      letters: numbers.filter(n => endingOf(n) === 'poison'),
    }
    const found = { processed, failures, letters: letters.map(Number).sort((a, b) => a - b) }
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      problems.push(`${JSON.stringify(found)}, and not ${JSON.stringify(wanted)}`)
    for (const n of numbers) {
      const isPoison = endingOf(n) === 'poison'
      const [handed, passed] = [isPoison ? ATTEMPTS : 1 + chargesOf(n), isPoison ? 0 : 1]
      if (counts.handed[n] !== handed || counts.passed[n] !== passed)
        problems.push(
          `record ${n} (${endingOf(n)}) was handed out ${counts.handed[n]} times and passed ${counts.passed[n]} times, not ${handed} and ${passed}`,
        )
    }
    await run.stop()
  } catch (error) {
    problems.push((error as Error).stack ?? String(error))
  }
  await broker.close({ timeoutMs: 10_000 }).catch((error: Error) => problems.push(error.message))
  const kinds: readonly Ending[] = ['exit', 'stand', 'throw', 'poison']
  const deaths = Array.from({ length: records }, (_, n) => n)
    .filter(n => kinds.includes(endingOf(n)))
    .reduce((sum, n) => sum + chargesOf(n), 0)
  return { problems, deaths }
}

/** Until all is handled. */
async function endThoseThatStand(session: Session, run: Run, { stands }: DeathCounts): Promise<void> {
  let isIdle = false
  const idle = within(HANG_MS, 'idle of the run', run.idle()).finally(() => {
    isIdle = true
  })
  const number = runNumbers.get(run) as number
  const ended = new Set<number>()
  const ending = (async () => {
    while (!isIdle) {
      const n = stands.findIndex((value, at) => value === 1 && !ended.has(at))
      if (n === -1) {
        await sleep(2)
        continue
      }
      ended.add(n)
      await within(
        HANG_MS,
        `the end of a thread that stands on ${n}`,
        session.ask(control => control.killHandler(number, 0, 'any')),
      )
    }
  })()
  await Promise.all([idle, ending])
}
