/**
 * Requests to handler threads that work, are slow, throw and end; some threads and a partition host are ended from outside.
 *
 * Judged: each request settles once and in its time, with the value or a reason that fits; none begins after its deadline; each slow one that
 * has begun hears its signal, unless its thread ended; the counts of the queue add up.
 */
import { sessions } from '../../api/broker.ts'
import { runNumbers } from '../../api/opened-run.ts'
import { createBroker } from '../../create-broker.ts'
import type { Session } from '../../embedded/session.ts'
import { isMillraceError, type RequestError, type RequestFailure } from '../../index.ts'
import { FAULT_POINT } from '../../wire/layout.ts'
import { Deeds } from './request-deeds.fixture.ts'
import type { AskedWork, RequestKind } from './requests-handler.fixture.ts'
import { within } from './within.fixture.ts'

/** A handler that was found in time may be held up before it says so. */
export const BEGIN_SLACK_MS = 250
const HANG_MS = 60_000
const LETTERS_BYTES = 33_554_432

export interface RequestsOptions {
  readonly requests: number
  readonly threads: number
  /** Handler threads and partition hosts that are ended from outside. */
  readonly kills: number
  readonly hosts: number
  /** Requests that wait at a time. */
  readonly window: number
}

export interface RequestsReport {
  readonly problems: readonly string[]
  readonly ends: Readonly<Record<string, number>>
  readonly kills: number
  readonly hosts: number
  /** How long after its deadline one began, at most. */
  readonly latestMs: number
  readonly heard: number
}

const FITS: Readonly<Record<RequestKind, readonly (RequestFailure | 'value')[]>> = {
  fast: ['value', 'crashed', 'lost'],
  busy: ['value', 'crashed', 'lost'],
  slow: ['crashed', 'expired', 'cancelled'],
  throws: ['failed', 'crashed'],
  rejects: ['rejected', 'crashed'],
  exits: ['crashed'],
}

function kindOf(number: number): RequestKind {
  if (number % 500 === 7) return 'exits'
  if (number % 50 === 3) return 'slow'
  if (number % 20 === 9) return 'throws'
  if (number % 40 === 11) return 'rejects'
  return number % 10 === 1 ? 'busy' : 'fast'
}

export async function runRequests({
  requests,
  threads,
  kills,
  hosts,
  window,
}: RequestsOptions): Promise<RequestsReport> {
  const problems: string[] = []
  const ends: Record<string, number> = {}
  const deeds = Deeds.of(requests)
  const deadlines = new Float64Array(requests)
  const settled = new Uint8Array(requests)
  const broker = await createBroker({ logger: false })
  const session = sessions.get(broker) as Session
  await broker.topic('letters', { windowBytes: LETTERS_BYTES })
  const options = { attempts: 2, backoff: { initialMs: 1 }, deadLetter: 'letters' }
  const queue = await broker.queue<AskedWork, number>('work', options)
  const handler = new URL('./requests-handler.fixture.js', import.meta.url)
  const restart = { intensity: 1_000_000, periodMs: 1_000 }
  const run = await queue.run({
    handler,
    threads,
    concurrency: 8,
    data: deeds.buffer,
    restart,
    handlerTimeoutMs: 30_000,
  })
  const counts = { kills: 0, hosts: 0 }
  let [next, open, latestMs, heard] = [0, 0, Number.NEGATIVE_INFINITY, 0]

  const ended = (number: number, how: RequestFailure | 'value' | 'time-out' | 'aborted'): void => {
    ends[how] = (ends[how] ?? 0) + 1
    if (settled[number]) problems.push(`request ${number} settled twice`)
    settled[number] = 1
    const isInTime = how === 'time-out' || how === 'aborted' || FITS[kindOf(number)].includes(how)
    if (!isInTime) problems.push(`request ${number}, which ${kindOf(number)}, ended as ${how}`)
    if (how === 'value' && deeds.of(number).begun === 0)
      problems.push(`request ${number} has a value, and no handler began it`)
  }
  const ask = async (number: number): Promise<void> => {
    const kind = kindOf(number)
    const timeoutMs = kind === 'slow' ? 200 + Math.random() * 600 : 200 + Math.random() * 4_000
    const abort = number % 97 === 5 ? new AbortController() : null
    if (abort !== null) setTimeout(() => abort.abort(), Math.random() * 50)
    deadlines[number] = performance.now() + timeoutMs
    const waits = { timeoutMs, ...(abort === null ? {} : { signal: abort.signal }) }
    try {
      const value = await queue.request({ value: { number, kind } }, waits)
      if (value !== 2 * number) problems.push(`request ${number} got ${value}`)
      ended(number, 'value')
    } catch (error) {
      if (isMillraceError(error, 'MILL_TIMEOUT')) ended(number, 'time-out')
      else if (isMillraceError(error, 'MILL_ABORTED')) ended(number, 'aborted')
      else if (isMillraceError(error, 'MILL_REQUEST_FAILED')) ended(number, (error as RequestError).reason ?? 'lost')
      else problems.push(`request ${number} failed: ${(error as Error).message}`)
    }
  }

  const everything = new Promise<void>(resolve => {
    const more = (): void => {
      while (open < window && next < requests) {
        open++
        void ask(next++).finally(() => {
          open--
          if (open === 0 && next === requests) resolve()
          else more()
        })
      }
    }
    more()
  })
  let isGoing = true
  const killing = (async () => {
    const number = runNumbers.get(run) as number
    while (isGoing && (counts.kills < kills || counts.hosts < hosts)) {
      await new Promise(resolve => setTimeout(resolve, 20 + Math.random() * 150))
      if (counts.kills < kills) {
        const index = Math.floor(Math.random() * threads)
        if ((await session.ask(control => control.killHandler(number, index, 'any'))) !== null) counts.kills++
      }
      if (counts.hosts < hosts && next > requests / 10)
        if (await session.ask(control => control.killPartitionHost(0, FAULT_POINT.none))) counts.hosts++
    }
  })()
  await within(HANG_MS + requests, 'the requests', everything)
  isGoing = false
  await within(HANG_MS, 'the killers', killing)
  await within(HANG_MS, 'what is left in the queue', run.idle())
  let crashes = 0
  for (let number = 0; number < requests; number++) {
    const { begun, beganMs, heard: hears, unheard } = deeds.of(number)
    if (!settled[number]) problems.push(`request ${number} hangs`)
    if (unheard > 0) problems.push(`slow request ${number} heard no signal`)
    heard += hears
    if (begun === 0) continue
    if (kindOf(number) === 'slow') crashes += begun - hears
    const late = beganMs - (deadlines[number] as number)
    latestMs = Math.max(latestMs, late)
    if (late > BEGIN_SLACK_MS) problems.push(`request ${number} began ${late.toFixed(0)} ms after its deadline`)
  }
  const stats = await queue.stats()
  const exits = ends.crashed ?? 0
  const inHand = 8 * (counts.kills + stats.restarts)
  if (crashes > inHand)
    problems.push(`${crashes} slow handlers ended without a signal, with ${inHand} in hand at deaths`)
  const { accepted, acked, deadLettered, expired, cancelled, ready, unacked, retrying, dropped } = stats
  if (accepted !== acked + deadLettered + expired + cancelled + dropped || ready + unacked + retrying > 0)
    problems.push(`the counts do not add up: ${JSON.stringify(stats)}`)
  if (exits > deadLettered)
    problems.push(`${exits} callers heard of a crash, and ${deadLettered} messages are dead letters`)
  await broker.close()
  return { problems, ends, ...counts, latestMs, heard }
}
