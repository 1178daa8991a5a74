/**
 * Which ticks of a schedule are sent: a pure state machine, whose caller says what time it is.
 *
 * Any thread. A tick is decided once: `decidedMs` never goes back, also not where the clock does. Of the ticks that are due, the last one
 * is on time if it is at most `ON_TIME_MS` old; all others are missed.
 *
 * Bounds: a step decides at most `TICKS_PER_STEP` ticks where each is sent; if more are due, the next step is due at once. Ticks that are
 * not sent are counted up to `COUNTED_MAX`.
 */
import { countTicks, type Ticks } from './ticks.ts'

/** Age up to which the last tick counts as on time, in ms: a restart or a late timer does not lose it. */
export const ON_TIME_MS = 60_000
/** Ticks that one step decides at most. */
export const TICKS_PER_STEP = 1024
/** Ticks that are counted at most, of those that are not sent. */
export const COUNTED_MAX = 1_000

/** What becomes of some ticks. */
export interface ScheduleRules {
  /** Missed ticks: none is sent, one for all of them (the last), or each. */
  readonly missed: 'skip' | 'once' | 'all'
  /** A tick whose predecessor's message is not settled: sent, or left out. */
  readonly overlap: 'send' | 'skip'
}

/** What is kept of a schedule, besides its definition. */
export interface ScheduleState {
  /** All ticks up to this instant are decided. */
  readonly decidedMs: number
  /** Whether it is paused. */
  readonly paused: boolean
}

/** Ticks that are due and are not sent. */
export interface UnsentTicks {
  /** `missed`: nothing ran when they were due. `overlap`: the message before is not settled. */
  readonly reason: 'missed' | 'overlap'
  readonly firstMs: number
  readonly lastMs: number
  /** How many, up to `COUNTED_MAX`. */
  readonly count: number
}

/** What one step decided. */
export interface ScheduleStep {
  /** Ticks to send, in order. */
  readonly send: readonly number[]
  /** Ticks that are left out. */
  readonly unsent: readonly UnsentTicks[]
  /** State after them. */
  readonly state: ScheduleState
  /** Instant of the next step; null: none, until the schedule is changed. */
  readonly dueMs: number | null
}

/** What a pause decides. */
export interface PausedSchedule {
  readonly state: ScheduleState
  /** Null: nothing was due. */
  readonly unsent: UnsentTicks | null
}

/** Decides what is due at `nowMs`. `open` says whether the message of the tick before is not settled. */
export function stepSchedule(
  ticks: Ticks,
  rules: ScheduleRules,
  state: ScheduleState,
  nowMs: number,
  open: boolean,
): ScheduleStep {
  if (state.paused) return { send: [], unsent: [], state, dueMs: null }
  const { decidedMs: afterMs } = state
  const due = rules.missed === 'all' ? eachDue(ticks, afterMs, nowMs) : lastDue(ticks, afterMs, nowMs)
  const lastMs = due.at(-1)
  if (lastMs === undefined) return { send: [], unsent: [], state, dueMs: ticks.next(afterMs) }
  const wanted = rules.missed === 'skip' ? due.filter(tick => nowMs - tick <= ON_TIME_MS) : due
  // The first of several is the unsettled message before the second.
  const send = rules.overlap === 'send' ? wanted : open ? [] : wanted.slice(0, 1)
  const unsent = [
    missed(ticks, afterMs, due[0] as number, wanted.length === 0),
    overlapping(wanted.slice(send.length)),
  ].filter(each => each !== null)
  return { send, unsent, state: { decidedMs: lastMs, paused: false }, dueMs: ticks.next(lastMs) }
}

/** Pauses a schedule. Ticks that are due by then and were not decided are left out, as missed. */
export function pauseSchedule(ticks: Ticks, state: ScheduleState, nowMs: number): PausedSchedule {
  const { decidedMs: afterMs, paused } = state
  const lastMs = paused ? null : ticks.latest(afterMs, nowMs)
  if (lastMs === null) return { state: { ...state, paused: true }, unsent: null }
  return { state: { decidedMs: lastMs, paused: true }, unsent: missed(ticks, afterMs, lastMs, true) }
}

/** Lets a schedule go on. The ticks during a pause are neither sent nor missed. */
export function resumeSchedule(state: ScheduleState, nowMs: number): ScheduleState {
  return state.paused ? { decidedMs: Math.max(state.decidedMs, nowMs), paused: false } : state
}

function eachDue(ticks: Ticks, decidedMs: number, nowMs: number): number[] {
  const due: number[] = []
  let tick = ticks.next(decidedMs)
  while (tick !== null && tick <= nowMs && due.length < TICKS_PER_STEP) {
    due.push(tick)
    tick = ticks.next(tick)
  }
  return due
}

function lastDue(ticks: Ticks, decidedMs: number, nowMs: number): number[] {
  const tick = ticks.latest(decidedMs, nowMs)
  return tick === null ? [] : [tick]
}

/** The ticks before `lastMs`, and `lastMs` itself if it is not wanted either. */
function missed(ticks: Ticks, afterMs: number, lastMs: number, isLastToo: boolean): UnsentTicks | null {
  const firstMs = ticks.next(afterMs) as number
  const before = countTicks(ticks, afterMs, lastMs, COUNTED_MAX)
  const count = Math.min(COUNTED_MAX, before + (isLastToo ? 1 : 0))
  if (count === 0) return null
  const end = isLastToo ? lastMs : (ticks.latest(firstMs, lastMs - 1) ?? firstMs)
  return { reason: 'missed', firstMs, lastMs: end, count }
}

function overlapping(ticks: readonly number[]): UnsentTicks | null {
  const [firstMs] = ticks
  if (firstMs === undefined) return null
  return { reason: 'overlap', firstMs, lastMs: ticks.at(-1) as number, count: ticks.length }
}
