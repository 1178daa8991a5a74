/**
 * Which ticks of a schedule are sent: a pure state machine, whose caller says what time it is.
 *
 * Any thread. A tick is decided once: `decidedMs` never goes back, also not where the clock does. Of the ticks that are due, the last one
 * is on time if it is at most `ON_TIME_MS` old; all others are missed.
 * Bound: a step decides at most `TICKS_PER_STEP` ticks; if more are due, the next step is due at once.
 */
import type { Ticks } from './ticks.ts'

/** Age up to which the last tick counts as on time, in ms: a restart or a late timer does not lose it. */
export const ON_TIME_MS = 60_000
/** Ticks that one step decides at most. */
export const TICKS_PER_STEP = 1024

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

/** What one step decided. */
export interface ScheduleStep {
  /** Ticks to send, in order. */
  readonly send: readonly number[]
  /** State after them. */
  readonly state: ScheduleState
  /** Instant of the next step; null: none, until the schedule is changed. */
  readonly dueMs: number | null
}

/** Decides what is due at `nowMs`. `open` says whether the message of the tick before is not settled. */
export function stepSchedule(
  ticks: Ticks,
  rules: ScheduleRules,
  state: ScheduleState,
  nowMs: number,
  open: boolean,
): ScheduleStep {
  if (state.paused) return { send: [], state, dueMs: null }
  const due = rules.missed === 'all' ? eachDue(ticks, state.decidedMs, nowMs) : lastDue(ticks, state.decidedMs, nowMs)
  const decidedMs = due.at(-1) ?? state.decidedMs
  return { send: sent(due, rules, nowMs, open), state: { decidedMs, paused: false }, dueMs: ticks.next(decidedMs) }
}

/** Pauses a schedule. */
export function pauseSchedule(state: ScheduleState): ScheduleState {
  return { ...state, paused: true }
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

function sent(due: readonly number[], rules: ScheduleRules, nowMs: number, open: boolean): readonly number[] {
  const wanted = rules.missed === 'skip' ? due.filter(tick => nowMs - tick <= ON_TIME_MS) : due
  if (rules.overlap === 'send') return wanted
  // The first of several is the unsettled message before the second.
  return open ? [] : wanted.slice(0, 1)
}
