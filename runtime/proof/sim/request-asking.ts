/**
 * Asks one request in a simulation, and says to its judge what the caller is told.
 *
 * Any simulated thread that is alive. The caller has a timer of its own behind the time of the request: what is not settled by then hangs,
 * however long threads stand still.
 */
import { setTimeout } from '../../../actors/world.ts'
import type { ErrorCode } from '../../words/error-codes.ts'
import { isMillraceError, type RequestError } from '../../words/errors.ts'
import type { Lab } from './lab.ts'
import type { AskedRequest, RequestJudge, Settled } from './request-judge.ts'

/** The value of a request. */
export interface Asked {
  readonly id: string
  readonly script: string
}

/** The value of an answer. */
export interface Answered {
  readonly id: string
  readonly number: number
  readonly pad: string
}

/** Later than a timer that is rounded up. */
const BEHIND_MS = 3
/** Timers that a busy thread is late for need not come in their order. */
const TURNS = 3
const TURN_MS = 10
const CODES: readonly (readonly [ErrorCode, Settled])[] = [
  ['MILL_TIMEOUT', 'time-out'],
  ['MILL_ABORTED', 'aborted'],
  ['MILL_FULL', 'full'],
  ['MILL_CLOSED', 'closed'],
]

export interface AskingUpcalls {
  /** The process is there, and what it says is heard. */
  isHeard(): boolean
  /** The broker closes or its disk has failed, and this error says so. */
  isExcused(error: unknown): boolean
}

/** Sends it, and resolves when it is settled; with the answer, or null. */
export async function ask(
  lab: Lab,
  judge: RequestJudge,
  around: AskingUpcalls,
  asked: AskedRequest,
  send: () => Promise<unknown>,
): Promise<Answered | null> {
  const { scheduler } = lab
  const { id } = asked
  judge.asked(asked, scheduler.now)
  const settling = send()
  if (!around.isHeard()) return null
  judge.sent(id, scheduler.now)
  // What it was asked for may be over earlier.
  behindOthers(judge.deadlineOf(id) - scheduler.now, () => {
    if (around.isHeard()) judge.mustBeSettled(id)
  })
  try {
    const answer = answerOf(await settling)
    if (around.isHeard()) judge.answered(id, answer)
    return answer
  } catch (error) {
    if (!around.isHeard()) return null
    if (around.isExcused(error)) judge.excused(id, isMillraceError(error, 'MILL_CLOSED') ? 'closed' : 'disk')
    else judge.failed(id, settledAs(error), scheduler.now, (error as Error).message)
    return null
  }
}

/** Calls `act` when timers of this thread that are due in `ms` have come, however late. */
export function behindOthers(ms: number, act: () => void, turns: number = TURNS): void {
  const next = turns === 0 ? act : (): void => behindOthers(TURN_MS, act, turns - 1)
  setTimeout(next, turns === TURNS ? ms + BEHIND_MS : ms)
}

function settledAs(error: unknown): Settled {
  if (isMillraceError(error, 'MILL_REQUEST_FAILED')) return (error as RequestError).reason ?? 'no such answer'
  return CODES.find(([code]) => isMillraceError(error, code))?.[1] ?? 'no such answer'
}

/** Text of an answer that goes as bytes. */
export function bytesOfAnswer(id: string, number: number): Buffer {
  return Buffer.from(JSON.stringify({ id, number, pad: '' }))
}

function answerOf(value: unknown): Answered | null {
  if (value === undefined) return null
  return value instanceof Uint8Array ? (JSON.parse(Buffer.from(value).toString()) as Answered) : (value as Answered)
}
