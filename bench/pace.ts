/**
 * Offers records at a pace: so many a second, or one after a rest.
 *
 * Main thread. A timer of 1 ms sends what is due, whether or not those before are answered, up to a bound.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CaseName } from './subject.ts'

export type Pace = { readonly perSecond: number } | { readonly restMs: number }

const stepMs = 1
/** Records that are not answered yet, at most: below what a thread lets wait. */
const unansweredMax = 8_000

/** That of requests finds all threads asleep. */
const paces: Readonly<Partial<Record<CaseName, Pace>>> = {
  'latency-1k': { perSecond: 1_000 },
  'latency-10k': { perSecond: 10_000 },
  'latency-50k': { perSecond: 50_000 },
  idle: { restMs: 20 },
  'queue-latency': { perSecond: 10_000 },
  'request-latency': { perSecond: 1_000 },
}

/** Compiles the code of slow paces in less time. */
export const warmUpPace: Pace = { perSecond: 10_000 }

export function paceOf(caseName: CaseName): Pace {
  const pace = paces[caseName]
  if (pace === undefined) throw new TypeError(`case ${caseName} has no pace`)
  return pace
}

/** `send` resolves when the record is answered, or returns undefined where nothing answers. */
export async function offer(
  records: number,
  pace: Pace,
  send: (record: number) => Promise<unknown> | undefined,
): Promise<void> {
  const answers: (Promise<unknown> | undefined)[] = []
  if ('restMs' in pace) {
    for (let record = 0; record < records; record++) {
      await sleep(pace.restMs)
      answers.push(send(record))
    }
    await Promise.all(answers)
    return
  }
  const startMs = performance.now()
  let unanswered = 0
  while (answers.length < records) {
    const due = Math.min(records, Math.floor(((performance.now() - startMs) * pace.perSecond) / 1_000))
    while (answers.length < due && unanswered < unansweredMax) {
      unanswered++
      const answer = send(answers.length)
      if (answer === undefined) unanswered--
      answers.push(answer?.then(() => unanswered--))
    }
    await new Promise(resolve => setTimeout(resolve, stepMs))
  }
  await Promise.all(answers)
}
